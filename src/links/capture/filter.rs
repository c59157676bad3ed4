//! Which packets of an interface are taken.

/// Which packets of an interface an adapter wants to see; it is applied in the kernel, so that all the
/// others cost next to nothing. Whoever says nothing gets every packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaptureFilter {
    /// All packets that a device with such an Ethernet address sends or receives.
    pub mac_prefixes: &'static [[u8; 3]],
    /// TCP from or to these ports.
    pub ports: &'static [u16],
}
