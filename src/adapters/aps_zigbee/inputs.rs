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

/// As many as an inverter can have.
const MOST: usize = 4;

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

    /// Which input is shown in this place, and what it is called. Those that are not listed follow those that are.
    pub fn at(&self, place: usize) -> (usize, Option<&str>) {
        if let Some((index, name)) = self.0.get(place) {
            return (*index, name.as_deref());
        }
        let is_free = |index: &usize| !self.0.iter().any(|(known, _)| known == index);
        let rest = (0..MOST)
            .filter(is_free)
            .nth(place.saturating_sub(self.0.len()));
        (rest.unwrap_or(place), None)
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
        assert_eq!(swapped.at(0), (1, Some("East side")));
        assert_eq!(swapped.at(1), (0, None));
        assert_eq!(swapped.at(2), (2, None));
        let one = inputs(&["C"]).unwrap();
        let all: Vec<_> = (0..4).map(|place| one.at(place).0).collect();
        assert_eq!(all, [2, 0, 1, 3]);
        assert_eq!(Inputs::default().at(3), (3, None));
    }

    #[test]
    fn what_is_no_list_is_told() {
        assert_eq!(inputs(&["A", "a West"]), Err(InputsError::Twice('A')));
        assert!(matches!(inputs(&["East"]), Err(InputsError::NoLetter(_))));
    }
}
