//! Programs of classic BPF, with names in place of the distances of jumps.

/// One instruction, as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What is done.
    pub code: u16,
    /// How many are passed over if a condition holds.
    pub jump_if: u8,
    /// How many are passed over if it does not.
    pub jump_else: u8,
    /// A number to do it with.
    pub operand: u32,
}

/// A jump leads further than it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the filter of packets is too long; it names too many ports")]
pub struct ProgramTooLong;

/// Where a jump leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Behind the first address, where the second is compared.
    OtherMac,
    /// Behind the addresses.
    NoMac,
    /// A VLAN tag is left in the packet.
    Tagged,
    /// IPv4 begins at X.
    Ipv4,
    /// The host that is wanted sends or receives it.
    IsHost4,
    /// Behind the addresses.
    NoHost4,
    /// IPv6 begins at X.
    Ipv6,
    /// Behind the first address, where the second is compared.
    OtherHost6,
    /// Behind the addresses.
    NoHost6,
    /// There is a header between IPv6 and what it carries.
    HopByHop,
    /// What IP carries begins at X.
    Transport,
    /// UDP begins at X.
    Udp,
    /// The packet is taken.
    Take,
    /// It is not.
    Leave,
}

/// What can be reckoned with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// What is loaded and compared.
    A,
    /// Where something begins.
    X,
}

/// How many bytes are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Word,
    Half,
    Byte,
}

/// Codes as in linux/filter.h.
mod code {
    pub const LOAD: u16 = 0x20;
    pub const LOAD_BEHIND_X: u16 = 0x40;
    pub const HALF: u16 = 0x08;
    pub const BYTE: u16 = 0x10;
    pub const SET_A: u16 = 0x00;
    pub const SET_X: u16 = 0x01;
    pub const RECALL: u16 = 0x60;
    pub const REMEMBER: u16 = 0x02;
    pub const ADD: u16 = 0x04;
    pub const ADD_X: u16 = 0x0c;
    pub const AND: u16 = 0x54;
    pub const SHIFT_LEFT: u16 = 0x64;
    pub const SHIFT_RIGHT: u16 = 0x74;
    pub const X_FROM_A: u16 = 0x07;
    pub const A_FROM_X: u16 = 0x87;
    pub const JUMP: u16 = 0x05;
    pub const IF_EQUAL: u16 = 0x15;
    pub const IF_ANY_OF: u16 = 0x45;
    pub const RETURN: u16 = 0x06;
}

/// How many bytes are taken of a packet: all that there can be.
const ALL: u32 = 0x0004_0000;

/// Where the jump of an instruction leads.
#[derive(Debug, Clone, Copy)]
enum Jump {
    None,
    Always(Label),
    IfTrue(Label),
    IfFalse(Label),
}

/// A program that is being written, one instruction behind the other.
#[derive(Debug, Default)]
pub struct Program {
    steps: Vec<(u16, u32, Jump)>,
    places: Vec<(Label, usize)>,
}

impl Program {
    /// A = so many bytes from there on.
    pub fn load(&mut self, size: Size, at: u32) {
        self.step(code::LOAD | bits(size), at);
    }

    /// A = so many bytes from X and so many more on.
    pub fn load_behind_x(&mut self, size: Size, at: u32) {
        self.step(code::LOAD_BEHIND_X | bits(size), at);
    }

    /// A or X = value.
    pub fn set(&mut self, register: Register, value: u32) {
        let code = match register {
            Register::A => code::SET_A,
            Register::X => code::SET_X,
        };
        self.step(code, value);
    }

    /// Remembers A in this place.
    pub fn remember(&mut self, place: u32) {
        self.step(code::REMEMBER, place);
    }

    /// A = what was remembered there.
    pub fn recall(&mut self, place: u32) {
        self.step(code::RECALL, place);
    }

    /// A + value.
    pub fn add(&mut self, value: u32) {
        self.step(code::ADD, value);
    }

    /// A + X.
    pub fn add_x(&mut self) {
        self.step(code::ADD_X, 0);
    }

    /// The bits of A that are in this value, too.
    pub fn mask(&mut self, value: u32) {
        self.step(code::AND, value);
    }

    /// A, so many bits to the left.
    pub fn shift_left(&mut self, bits: u32) {
        self.step(code::SHIFT_LEFT, bits);
    }

    /// A, so many bits to the right.
    pub fn shift_right(&mut self, bits: u32) {
        self.step(code::SHIFT_RIGHT, bits);
    }

    /// X = A.
    pub fn x_from_a(&mut self) {
        self.step(code::X_FROM_A, 0);
    }

    /// A = X.
    pub fn a_from_x(&mut self) {
        self.step(code::A_FROM_X, 0);
    }

    /// Goes on there.
    pub fn jump(&mut self, to: Label) {
        self.steps.push((code::JUMP, 0, Jump::Always(to)));
    }

    /// Goes on there if A is this.
    pub fn if_equal(&mut self, value: u32, to: Label) {
        self.steps.push((code::IF_EQUAL, value, Jump::IfTrue(to)));
    }

    /// Goes on there if A is anything else.
    pub fn unless_equal(&mut self, value: u32, to: Label) {
        self.steps.push((code::IF_EQUAL, value, Jump::IfFalse(to)));
    }

    /// Goes on there if A has any of these bits.
    pub fn if_any_of(&mut self, bits: u32, to: Label) {
        self.steps.push((code::IF_ANY_OF, bits, Jump::IfTrue(to)));
    }

    /// What comes next is where these jumps lead.
    pub fn place(&mut self, label: Label) {
        self.places.push((label, self.steps.len()));
    }

    /// The program for the kernel. Its end takes the packet or does not.
    pub fn assemble(mut self) -> Result<Vec<Instruction>, ProgramTooLong> {
        self.place(Label::Take);
        self.step(code::RETURN, ALL);
        self.place(Label::Leave);
        self.step(code::RETURN, 0);
        let steps = self.steps.iter().enumerate();
        steps
            .map(|(index, &(code, operand, jump))| {
                let distance = |to| self.distance(index, to).ok_or(ProgramTooLong);
                let short = |to| u8::try_from(distance(to)?).map_err(|_| ProgramTooLong);
                let (operand, jump_if, jump_else) = match jump {
                    Jump::None => (operand, 0, 0),
                    Jump::Always(to) => (distance(to)?, 0, 0),
                    Jump::IfTrue(to) => (operand, short(to)?, 0),
                    Jump::IfFalse(to) => (operand, 0, short(to)?),
                };
                Ok(Instruction {
                    code,
                    jump_if,
                    jump_else,
                    operand,
                })
            })
            .collect()
    }

    fn step(&mut self, code: u16, operand: u32) {
        self.steps.push((code, operand, Jump::None));
    }

    /// How many instructions lie between this one and the label; jumps only lead forward.
    fn distance(&self, from: usize, to: Label) -> Option<u32> {
        let place = self.places.iter().find(|(label, _)| *label == to)?;
        u32::try_from(place.1.checked_sub(from + 1)?).ok()
    }
}

const fn bits(size: Size) -> u16 {
    match size {
        Size::Word => 0,
        Size::Half => code::HALF,
        Size::Byte => code::BYTE,
    }
}
