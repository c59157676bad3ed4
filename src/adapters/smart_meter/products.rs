//! What a meter is, from who made it and how many phases it has: data, not code.

use super::values::Values;
use super::wire::telegram::Layout;
use super::wire::title;
use super::wire::{ItemValue, Obis, SystemTitle, Telegram};

/// Letters of the maker, product with three phases, product with one.
const PRODUCTS: &[(&str, &str, &str)] = &[
    ("KFM", "MA309", "MA110"),
    ("SAG", "T210-D", "S210"),
    ("ELS", "DM515", "DM515"),
    ("LGZ", "E450", "E450"),
    ("ISK", "AM550", "AM550"),
    ("SMS", "IM350", "IM150"),
    ("KAM", "Omnipower", "Omnipower"),
];

/// Layouts that only one maker has.
const LAYOUTS: &[(&str, &str)] = &[("kaifa-nordic", "Kaifa"), ("kamstrup", "Kamstrup")];

/// Letters that only texts begin with.
const IN_TEXTS: &[(&str, &str)] = &[("FLU", "Fluvius"), ("XMX", "Landis+Gyr")];

/// Who made a meter that sends no system title, as far as its telegram tells: a text begins with the
/// letters of its maker, and some layouts have only one maker.
pub fn maker(telegram: &Telegram) -> Option<String> {
    if telegram.layout == Layout::Text {
        let head = telegram
            .items
            .first()
            .and_then(|item| item.value.as_text())?;
        let letters = head.get(..3)?;
        let upper = letters.to_ascii_uppercase();
        let in_texts = || IN_TEXTS.iter().find(|(code, _)| *code == upper);
        let known = title::maker(&upper).or_else(|| in_texts().map(|(_, name)| *name));
        return Some(known.unwrap_or(letters).to_owned());
    }
    let (Layout::Codes(Some(name)) | Layout::Positional(name)) = &telegram.layout else {
        return None;
    };
    let found = LAYOUTS.iter().find(|(layout, _)| layout == name);
    found.map(|(_, maker)| (*maker).to_owned())
}

/// Who made a meter with this number: many begin with the letters of the maker, behind a digit for what it counts.
pub fn maker_of_number(number: &str) -> Option<&'static str> {
    let letters = number
        .strip_prefix(|first: char| first.is_ascii_digit())
        .unwrap_or(number);
    title::maker(letters.get(..3)?)
}

/// Where some telegrams carry the name of the product.
const NAME: Obis = Obis([0, 0, 96, 1, 7, 255]);

/// The product: as the telegram names it, else the one that its maker has in the field.
pub fn product(
    telegram: &Telegram,
    values: &Values,
    title: Option<&SystemTitle>,
) -> Option<String> {
    let named = telegram.get(NAME).and_then(ItemValue::as_text);
    if let Some(name) = named.filter(|name| !name.is_empty()) {
        return Some(name.to_owned());
    }
    let is_listed = matches!(
        &telegram.layout,
        Layout::Codes(Some(name)) if name.starts_with("push-list")
    );
    // More than one product of a maker lists what it sends.
    let letters = title.filter(|_| !is_listed)?.letters();
    let (_, three, one) = PRODUCTS.iter().find(|(maker, ..)| *maker == letters)?;
    let phases = values
        .get("voltage_l1")
        .map(|_| values.get("voltage_l2").is_some());
    let product = match phases {
        Some(false) => one,
        _ => three,
    };
    Some((*product).to_owned())
}
