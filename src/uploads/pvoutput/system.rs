//! What PVOutput knows of the system: the answer to `getsystem.jsp?donations=1&tz=1`.

/// What is used of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemOf {
    /// Minutes between two statuses.
    pub interval: i64,
    /// The size of the panels in W.
    pub size: Option<i64>,
    /// The time zone.
    pub zone: String,
    /// How often the owner has donated.
    pub donations: Option<i64>,
}

impl SystemOf {
    /// Reads the answer: sections with `;` between them, the system first and the donations last. The name of a
    /// system may hold commas, so that its fields are counted from their end.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (system, rest) = text.split_once(';')?;
        let mut fields = system.rsplit(',').map(str::trim);
        let zone = fields.next()?;
        let is_zone = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        if zone.is_empty() || zone.len() > 64 || !zone.chars().all(is_zone) {
            return None;
        }
        let interval = fields.next()?.parse().ok();
        let interval = interval.filter(|minutes| [5, 10, 15].contains(minutes))?;
        // 16th from the end.
        let size = fields.nth(13).and_then(|size| size.parse().ok());
        let donations = rest.rsplit(';').next()?.trim().parse().ok();
        Some(Self {
            interval,
            size,
            zone: zone.to_owned(),
            donations,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_may_hold_commas() {
        let text = "My, roof,3200,1010,10,320,Acme,1,3000,APsystems,S,30.0,No,20200228,48.1,16.3,5,Europe/Vienna;12.0,39.98,NaN,NaN,NaN,99.3;2";
        let system = SystemOf::read(text).unwrap();
        assert_eq!(system.interval, 5);
        assert_eq!(system.size, Some(3200));
        assert_eq!(system.zone, "Europe/Vienna");
        assert_eq!(system.donations, Some(2));
    }

    #[test]
    fn what_is_no_system_is_none() {
        for text in [
            "",
            ";",
            "<html>",
            "a,b;2",
            "1,2,7,Europe/Vienna;0",
            "5,a b;0",
        ] {
            assert_eq!(SystemOf::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = SystemOf::read(&text);
        }
    }
}
