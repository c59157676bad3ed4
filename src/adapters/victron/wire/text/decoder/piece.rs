//! A piece of the stream, and where runs of plain bytes in it end.

/// The bytes of one push.
pub struct Piece<'b> {
    pub bytes: &'b [u8],
    /// The next byte to look at.
    pub at: usize,
    /// From here on, up to `at`, bytes belong to the open block and are not in `carry`.
    pub run: usize,
}

impl<'b> Piece<'b> {
    pub fn run(&self) -> &'b [u8] {
        self.bytes.get(self.run..self.at).unwrap_or_default()
    }

    /// Goes on to the next byte that ends a run, and returns it.
    pub fn find(&mut self, ends: &[bool; 256]) -> Option<u8> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| ends.get(usize::from(*byte)).is_some_and(|ends| *ends);
        let length = rest.iter().position(ends);
        self.at += length.unwrap_or(rest.len());
        rest.get(length?).copied()
    }
}

/// What cannot be part of a value.
pub static ENDS_VALUE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b':' as usize] = true;
    table
};

/// What cannot be part of a label.
pub static ENDS_LABEL: [bool; 256] = {
    let mut table = ENDS_VALUE;
    let mut byte = 0x7f;
    while byte < 256 {
        table[byte] = true;
        byte += 1;
    }
    table
};

/// What ends the noise between blocks.
pub static ENDS_NOISE: [bool; 256] = {
    let mut table = [false; 256];
    table[b'\r' as usize] = true;
    table[b':' as usize] = true;
    table
};
