//! What comes out of the link layer: messages, and bytes that are none with the reason.

use std::fmt;

/// What was found next in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// A whole application message.
    Message(Message),
    /// Something that looked like a frame or message and is none.
    Refused(Refused),
}

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In long frames of the wired M-Bus.
    MBus,
    /// In HDLC frames.
    Hdlc,
    /// As it is, without a frame.
    Raw,
    /// A telegram of text in clear.
    Text,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MBus => "M-Bus",
            Self::Hdlc => "HDLC",
            Self::Raw => "no frames",
            Self::Text => "text",
        })
    }
}

/// Where a frame is in the stream. HDLC frames include both flags, so two may share a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first byte, counted from the first byte ever pushed.
    pub offset: u64,
    /// Its bytes.
    pub length: usize,
}

impl Span {
    /// One past its last byte.
    #[must_use]
    pub fn end(self) -> u64 {
        self.offset + self.length as u64
    }
}

/// An application message, out of one or more frames. Only transport and length are known to be
/// sound; the bytes may still be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where its first frame begins, counted from the first byte ever pushed.
    pub offset: u64,
    /// How it came.
    pub transport: Transport,
    /// The message, cut to the length it announces. Never empty.
    pub bytes: Vec<u8>,
    /// Bytes that followed in the last frame and were cut off; 0 from every known meter.
    pub surplus: usize,
    /// The frames it came in, in order.
    pub frames: Vec<Span>,
}

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {reason}")]
pub struct Refused {
    /// Where the frame, or the first frame of the message, begins.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The sum or CRC of a frame does not fit.
    #[error(
        "the checksum of the frame is {found:02x} and should be {expected:02x}; check the wiring \
         and the parity setting"
    )]
    Checksum {
        /// As it came.
        found: u16,
        /// Of the bytes that came.
        expected: u16,
    },
    /// The CRC of an HDLC header does not fit, so that its length cannot be trusted either.
    #[error("the checksum of the frame's header is wrong; check the wiring and the parity setting")]
    HeaderChecksum,
    /// A frame does not end where its length says, or a bare message is followed by other bytes.
    #[error(
        "there is no end where its length says; bytes were lost on the way, so check the wiring \
         and the adapter"
    )]
    NoStop,
    /// A sound M-Bus frame with something else in it.
    #[error(
        "an M-Bus frame of another kind (CI {control_information:02x}); this is a meter with an \
         ordinary M-Bus protocol, not with a customer interface"
    )]
    OtherBus {
        /// Its CI byte, 20 or higher.
        control_information: u8,
    },
    /// Another language of meters.
    #[error(
        "this is SML, as meters in Germany speak it on their infrared port; it is not supported"
    )]
    Sml,
    /// A head in clear, and behind it an encrypted telegram that does not say whose it is.
    #[error(
        "the telegram is encrypted, and its meter hides the system title that its key needs; that \
         is not supported"
    )]
    HiddenTitle,
    /// Bursts that begin as text does whose levels are exchanged.
    #[error(
        "the signal is inverted: this is a text telegram upside down; use a P1 cable, or one that \
         inverts the data line"
    )]
    Inverted,
    /// A byte of a text telegram that is no character.
    #[error(
        "byte {at} of the text telegram is no character; check the cable and the power supply of \
         the adapter"
    )]
    NotText {
        /// Which byte of it.
        at: usize,
    },
    /// A text telegram that stops.
    #[error("the text telegram stops after {have} bytes: the line that begins with ! is missing")]
    NoTextEnd {
        /// Bytes there are of it.
        have: usize,
    },
    /// A later part of a message whose beginning did not come.
    #[error("the beginning of this message is missing")]
    Orphan {
        /// Its number among the parts, if they are numbered.
        sequence: Option<u16>,
        /// No message has begun before: the line was opened in the middle of one.
        at_start: bool,
    },
    /// A part of a message is missing. Which was there of it is dropped.
    #[error("part {found} of a message follows where part {expected} should; one was lost")]
    OutOfSequence {
        /// Number of the part that should have come.
        expected: u16,
        /// Number of the part that came.
        found: u16,
    },
    /// Bytes that were no frame came between two parts without numbers.
    #[error("there are damaged bytes between two parts of this message")]
    Gap,
    /// A part with other addresses than the parts before.
    #[error("a part of a message has other addresses than the parts before it")]
    OtherSender,
    /// A new message began before this one was complete.
    #[error("the message was not complete when the next one began; its end was lost")]
    Superseded,
    /// The message is longer than any meter's.
    #[error("the message is longer than any meter's")]
    TooLong,
    /// A block of a block transfer whose header makes no sense.
    #[error("the header of a block is damaged")]
    BadBlock,
    /// The message is shorter than its own header says.
    #[error("the message should have {announced} bytes and has {have}; a part was lost")]
    Length {
        /// As its header says; the least it can be, if the header itself is cut.
        announced: usize,
        /// That came.
        have: usize,
    },
    /// The bytes ended inside of it.
    #[error("the end of it is missing: the bytes end after {have}{}", of(.need))]
    CutOff {
        /// Bytes there are of the frame or message.
        have: usize,
        /// Bytes it should have, if known.
        need: Option<usize>,
    },
    /// The line became quiet inside of it.
    #[error("the line went quiet after {have} bytes of it{}; check the wiring", of(.need))]
    Silence {
        /// Bytes there are of the frame or message.
        have: usize,
        /// Bytes it should have, if known.
        need: Option<usize>,
    },
}

fn of(need: &Option<usize>) -> String {
    need.map_or_else(String::new, |need| format!(" of {need}"))
}

impl Reason {
    /// Whether bytes of a frame were changed or lost on the line.
    #[must_use]
    pub fn is_checksum_error(&self) -> bool {
        matches!(
            self,
            Self::Checksum { .. } | Self::HeaderChecksum | Self::NoStop | Self::NotText { .. }
        )
    }

    /// Whether it is surely another language, which no setting will turn into ours.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::OtherBus { .. } | Self::Sml | Self::HiddenTitle | Self::Inverted
        )
    }

    /// Whether nothing is wrong: the line was merely opened in the middle of a message.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        matches!(self, Self::Orphan { at_start: true, .. })
    }
}
