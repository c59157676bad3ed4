//! What is found out about rows that are refused.

/// One row among those up to a moment is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSearch {
    /// The most rows of a request.
    pub limit: usize,
    /// The end of the last of these rows, in seconds since 1970.
    pub through: i64,
    /// Whether they are sent once more.
    pub is_again: bool,
}

/// A row that gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingRow {
    /// The end of its last slot, in seconds since 1970.
    pub end: i64,
    /// How often it was sent.
    pub tries: u8,
}

/// Words that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrangeWords {
    /// What it says.
    pub words: String,
    /// How many single rows were refused in these words, one after the other.
    pub rows: u8,
}
