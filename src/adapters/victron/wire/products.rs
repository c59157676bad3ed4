//! Product ids: names as data in `products.tsv`, families by the ranges the ids are given out in.
//!
//! Text sends ids as `0x203` or `0xA053`, HEX as two bytes. Numbers are shared with products that
//! have no VE.Direct port; those have a name and no family. New ids appear every year: one that is
//! not in the table is still told by its number, and its family guessed.

use std::sync::LazyLock;

use super::families::Family;

/// Id in four hex digits, family or `-`, name; by id.
const TABLE: &str = include_str!("products.tsv");

/// The same, read once: devices tell their id every second.
static PRODUCTS: LazyLock<Vec<Product>> = LazyLock::new(|| TABLE.lines().filter_map(row).collect());

/// First and last id of a range, and what is in it.
#[rustfmt::skip]
const RANGES: &[(u16, u16, Family)] = &[
    (0x0200, 0x0202, Family::Bmv60x),
    (0x0203, 0x02ff, Family::Bmv70x),
    (0x0300, 0x0300, Family::Mppt),
    (0xa040, 0xa0ff, Family::Mppt),
    (0xa101, 0xa10f, Family::Mppt),
    (0xa110, 0xa111, Family::Rs),
    (0xa112, 0xa117, Family::Mppt),
    (0xa200, 0xa2ff, Family::Inverter),
    (0xa300, 0xa37f, Family::Charger),
    (0xa380, 0xa38f, Family::Shunt),
    (0xa3f0, 0xa3ff, Family::DcDc),
    (0xa401, 0xa402, Family::Rs),
    (0xa441, 0xa444, Family::Rs),
    (0xc030, 0xc038, Family::Shunt),
];

/// Chargers that get all their power from the panels: at night their ports are silent.
const ON_PANELS_ALONE: &[u16] = &[0x0300, 0xa040, 0xa041, 0xa044, 0xa045];

/// Solar chargers of so many amperes have an output for loads.
const MOST_WITH_LOAD: u32 = 20;

/// A product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: u16,
    /// Its name, if it is known.
    pub name: Option<&'static str>,
    /// What kind of device it is, if that is known or can be guessed.
    pub family: Option<Family>,
}

impl Product {
    /// What is known of an id.
    #[must_use]
    pub fn of(id: u16) -> Self {
        let place = PRODUCTS.binary_search_by_key(&id, |product| product.id);
        if let Some(product) = place.ok().and_then(|place| PRODUCTS.get(place)) {
            return *product;
        }
        let range = RANGES
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&id));
        Self {
            id,
            name: None,
            family: range.map(|(_, _, family)| *family),
        }
    }

    /// All products in the table, by id.
    pub fn all() -> impl Iterator<Item = Self> {
        PRODUCTS.iter().copied()
    }

    /// The current in amperes that a solar charger delivers at most, which its name says after the
    /// highest panel voltage: 75/15.
    #[must_use]
    pub fn solar_amperes(&self) -> Option<u32> {
        let name = self.name.filter(|_| self.family == Some(Family::Mppt))?;
        let (_, amperes) = name.split_once('/')?;
        let end = amperes.find(|c: char| !c.is_ascii_digit());
        amperes.get(..end.unwrap_or(amperes.len()))?.parse().ok()
    }

    /// Whether it has an output for loads. Larger solar chargers have none, though some say in
    /// their text that it is on.
    #[must_use]
    pub fn has_load_output(&self) -> Option<bool> {
        self.solar_amperes()
            .map(|amperes| amperes <= MOST_WITH_LOAD)
    }

    /// It has no power at night, so its silence then is no fault.
    #[must_use]
    pub fn sleeps_at_night(&self) -> bool {
        ON_PANELS_ALONE.contains(&self.id)
    }
}

/// Its name, or its id where it has none.
impl std::fmt::Display for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "Product {:#06X}", self.id),
        }
    }
}

/// Reads an id as the text protocol writes it.
#[must_use]
pub fn parse_id(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))?;
    let digits_alone = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits_alone.then(|| u16::from_str_radix(digits, 16).ok())?
}

fn row(line: &'static str) -> Option<Product> {
    let mut parts = line.splitn(3, '\t');
    let id = u16::from_str_radix(parts.next()?, 16).ok()?;
    let word = parts.next()?;
    Some(Product {
        id,
        name: parts.next(),
        family: Family::ALL.into_iter().find(|family| family.word() == word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read_and_found() {
        assert_eq!(Product::all().count(), TABLE.lines().count());
        let ids: Vec<u16> = Product::all().map(|product| product.id).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        for (product, line) in Product::all().zip(TABLE.lines()) {
            assert_eq!(Product::of(product.id), product);
            assert!(product.name.is_some_and(|name| !name.is_empty()), "{line}");
            assert!(!line.contains(['*', '†', '°']), "a footnote in {line}");
            let known = line.split('\t').nth(1) == Some("-");
            assert_eq!(product.family.is_none(), known, "{line}");
        }
    }

    #[test]
    fn table_and_ranges_agree() {
        for product in Product::all() {
            let range = RANGES
                .iter()
                .find(|(first, last, _)| (*first..=*last).contains(&product.id));
            let family = range.map(|(_, _, family)| *family);
            assert_eq!(product.family, family, "{product:?}");
        }
    }

    #[test]
    fn the_name_of_a_solar_charger_tells_its_current() {
        let amperes = |id| Product::of(id).solar_amperes();
        assert_eq!(
            [amperes(0xa053), amperes(0xa05f), amperes(0xa06c)],
            [Some(15), Some(20), Some(70)]
        );
        assert_eq!(
            [amperes(0xa0fe), amperes(0xa381), amperes(0xa332)],
            [None; 3]
        );
        let load = |id| Product::of(id).has_load_output();
        assert_eq!(
            [load(0xa060), load(0xa06c), load(0xa0fe)],
            [Some(true), Some(false), None]
        );
    }

    #[test]
    fn unknown_ids_keep_their_number_and_get_a_family_by_range() {
        let product = Product::of(0xa0fe);
        assert_eq!(product.to_string(), "Product 0xA0FE");
        assert_eq!(product.family, Some(Family::Mppt));
        assert_eq!(Product::of(0xfffe).family, None);
    }

    #[test]
    fn ids_are_read_with_and_without_leading_zeros() {
        assert_eq!(parse_id(b"0x203"), Some(0x203));
        assert_eq!(parse_id(b"0x0203"), Some(0x203));
        assert_eq!(parse_id(b"0xA053"), Some(0xa053));
        for text in ["", "203", "0x", "0x+12", "0x12345", "0xG"] {
            assert_eq!(parse_id(text.as_bytes()), None, "{text}");
        }
    }
}
