//! What several targets do with what they are given.

/// These bytes in pieces, as a line may deliver them: 1 to 256 bytes each, the sizes in turn.
pub fn pieces<'a>(sizes: &'a [u8], mut rest: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut sizes = sizes.iter().cycle();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = sizes.next().map_or(1, |size| usize::from(*size) + 1);
        let (piece, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        Some(piece)
    })
}
