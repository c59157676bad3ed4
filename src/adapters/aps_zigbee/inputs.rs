//! What the inputs of an inverter are called, and in which order they are shown.

/// The inputs of an inverter in the order in which they are shown: which letter each is, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs(Vec<(usize, Option<String>)>);

/// Why a list of inputs is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputsError {
    /// It does not begin with a letter.
    #[error("\"{0}\" does not begin with the letter of an input, A to D")]
    NoLetter(String),
    /// A letter is there twice.
    #[error("input {0} is there twice")]
    Twice(char),
}

impl Inputs {
    /// Reads a list such as `["B East", "A West"]`.
    pub fn read(list: &[String]) -> Result<Self, InputsError> {
        let mut inputs: Vec<(usize, Option<String>)> = Vec::new();
        for text in list {
            let (letter, name) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
            let index = match letter {
                "A" | "a" => 0,
                "B" | "b" => 1,
                "C" | "c" => 2,
                "D" | "d" => 3,
                _ => return Err(InputsError::NoLetter(text.chars().take(20).collect())),
            };
            if inputs.iter().any(|(known, _)| *known == index) {
                return Err(InputsError::Twice(super::wire::payload::input_letter(
                    index,
                )));
            }
            let name = name.trim();
            inputs.push((index, (!name.is_empty()).then(|| name.to_owned())));
        }
        Ok(Self(inputs))
    }

    /// Which inputs of so many are shown, in their order, and what each is called. Those that are not listed follow
    /// those that are, and what the inverter has not is left out.
    pub fn shown(&self, count: usize) -> impl Iterator<Item = (usize, Option<&str>)> {
        let listed = self.0.iter().map(|(index, name)| (*index, name.as_deref()));
        let is_free = |index: &usize| !self.0.iter().any(|(known, _)| known == index);
        let rest = (0..count).filter(is_free).map(|index| (index, None));
        listed.filter(move |(index, _)| *index < count).chain(rest)
    }

    /// The highest of those that are listed, from 0 on.
    pub fn highest(&self) -> Option<usize> {
        self.0.iter().map(|(index, _)| *index).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(list: &[&str]) -> Result<Inputs, InputsError> {
        let list: Vec<String> = list.iter().map(|it| (*it).to_owned()).collect();
        Inputs::read(&list)
    }

    #[test]
    fn inputs_are_named_and_swapped() {
        let swapped = inputs(&["B East side", "A"]).unwrap();
        let all: Vec<_> = swapped.shown(4).collect();
        assert_eq!(
            all,
            [(1, Some("East side")), (0, None), (2, None), (3, None)]
        );
        let one = inputs(&["C"]).unwrap();
        let of = |count| one.shown(count).map(|it| it.0).collect::<Vec<_>>();
        assert_eq!((of(4), of(2)), (vec![2, 0, 1, 3], vec![0, 1]));
        assert_eq!(one.highest(), Some(2));
        assert_eq!(Inputs::default().shown(2).count(), 2);
    }

    #[test]
    fn what_is_no_list_is_told() {
        assert_eq!(inputs(&["A", "a West"]), Err(InputsError::Twice('A')));
        assert!(matches!(inputs(&["East"]), Err(InputsError::NoLetter(_))));
    }
}
