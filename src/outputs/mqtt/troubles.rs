//! What was said about a connection since it was lost; the same again is not worth a line.

use super::session::SessionError;

/// Different troubles told of one loss of the connection.
const TROUBLES: usize = 8;

/// The troubles that were told.
#[derive(Debug, Default)]
pub struct Troubles(Vec<SessionError>);

impl Troubles {
    /// Whether this one is to be told; it counts as told then.
    pub fn is_new(&mut self, error: &SessionError) -> bool {
        let is_new = !self.0.contains(error) && self.0.len() < TROUBLES;
        if is_new {
            self.0.push(error.clone());
        }
        is_new
    }

    /// There is a connection again.
    pub fn over(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_told_once_until_it_is_over() {
        let refused = |port: usize| SessionError::Refused {
            broker: format!("broker:{port}"),
        };
        let mut troubles = Troubles::default();
        assert!(troubles.is_new(&refused(1)) && troubles.is_new(&refused(2)));
        assert!(!troubles.is_new(&refused(1)));
        assert_eq!(
            (3..100)
                .filter(|port| troubles.is_new(&refused(*port)))
                .count(),
            TROUBLES - 2
        );
        troubles.over();
        assert!(troubles.is_new(&refused(1)));
    }
}
