//! The steps of a start, and what is sent in each.
//!
//! ```text
//!  ping ── skip the boot loader ── pulse ── loopback ── boot loader, 150 s ──> version ──> device info
//!                                                                                             |
//!    well: register <────────────────────────────────────────────────────────────────────────┤
//!      |                                                                                      v
//!      |    reset, clear, reset, address, role, network, channel, register, start, running, device info
//!      v                                                                                      |
//!    normal operation, device info, pause ──> ready                        pairing ──> ready <┘
//! ```

use super::super::super::wire::ids::{EcuId, ShortAddress};
use super::super::super::wire::payload::{InverterCommand, REQUEST_CLUSTER};
use super::super::super::wire::znp::{
    AfEndpoint, CoordinatorState, DeviceInfo, ENDPOINT, ZnpRequest, ZnpStatus,
};
use super::super::StartStep;
use super::sending::to;

/// The radio channels that may be used, in bits: 16 only.
const CHANNELS: u32 = 1 << 16;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZnpStep {
    /// The port is not open.
    Away,
    /// The port is being opened anew.
    Reopening,
    /// Is it there? The first time, after the boot loader was skipped, after a pulse of the reset line, and while
    /// the boot loader may hold it.
    Ping(LookAttempt),
    /// The boot loader was told to start the firmware.
    Skip,
    /// The reset line was pulsed.
    Pulse,
    /// It is asked to send bytes back.
    Loopback,
    /// The boot loader may hold it for a while.
    BootLoader,
    /// Which firmware?
    Version,
    /// How is the coordinator, before anything is done to it?
    Attach,
    /// The coordinator was starting.
    AttachWait,
    /// The endpoint is registered with a coordinator that runs already.
    AttachRegister,
    /// Starts anew.
    Reset(ResetStage),
    /// Has an item of the configuration stored.
    Write(ConfigurationItem),
    /// An item was not answered: is it there at all?
    Probe,
    /// Registers the endpoint.
    Register,
    /// Starts the network.
    Start,
    /// Waits for it.
    Await,
    /// How is the coordinator?
    Verify,
    /// Normal operation.
    Announce,
    /// Refused; the stick was woken.
    Wake,
    /// Then it is left alone for a moment.
    Woken,
    /// What became of it.
    Announced,
    /// How is the coordinator at last?
    LastCheck,
    /// The network is given a moment.
    Pause,
    /// Messages can be sent.
    Ready,
    /// How is the coordinator, while all is well?
    Check,
    /// It does not work; it is tried again later.
    Resting,
}

/// Which time it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookAttempt {
    First,
    AfterSkip,
    AfterPulse,
    InBootLoader,
}

/// Of the two restarts: before the old configuration is cleared, and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResetStage {
    Old,
    Cleared,
}

/// An item of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConfigurationItem {
    /// Everything is to be cleared at the next restart.
    Clear,
    /// The address of the radio.
    Address,
    /// It is a coordinator.
    Role,
    /// The number of the network.
    Network,
    /// The channel.
    Channel,
}

impl ConfigurationItem {
    /// The write that stores it.
    pub(super) fn request(self, id: EcuId) -> ZnpRequest {
        let (item, value) = match self {
            Self::Clear => (0x03, vec![0x03]),
            Self::Address => (0x01, address(id).to_vec()),
            Self::Role => (0x87, vec![0x00]),
            Self::Network => (0x83, id.network().to_vec()),
            Self::Channel => (0x84, CHANNELS.to_le_bytes().to_vec()),
        };
        ZnpRequest::WriteConfiguration { item, value }
    }

    /// What is done when it is stored.
    pub(super) const fn next(self) -> ZnpStep {
        match self {
            Self::Clear => ZnpStep::Reset(ResetStage::Cleared),
            Self::Address => ZnpStep::Write(Self::Role),
            Self::Role => ZnpStep::Write(Self::Network),
            Self::Network => ZnpStep::Write(Self::Channel),
            Self::Channel => ZnpStep::Register,
        }
    }
}

impl ResetStage {
    /// What is done after the restart.
    pub(super) const fn next(self) -> ZnpStep {
        match self {
            Self::Old => ZnpStep::Write(ConfigurationItem::Clear),
            Self::Cleared => ZnpStep::Write(ConfigurationItem::Address),
        }
    }
}

impl ZnpStep {
    /// The question of this step; `None` if it has none.
    pub(super) fn question(self, id: EcuId) -> Option<ZnpRequest> {
        Some(match self {
            Self::Ping(_) | Self::Probe => ZnpRequest::Ping,
            Self::Loopback => ZnpRequest::Loopback(LOOPBACK.to_vec()),
            Self::Version => ZnpRequest::Version,
            Self::Attach | Self::Verify | Self::LastCheck | Self::Check => ZnpRequest::DeviceInfo,
            Self::Write(item) => item.request(id),
            Self::AttachRegister | Self::Register => ZnpRequest::Register(endpoint()),
            Self::Start => ZnpRequest::Start,
            Self::Announce => normal_operation(id),
            Self::Wake => ZnpRequest::DeviceInfoByAnswer,
            _ => return None,
        })
    }

    /// How it is called outside; `None` if it is not part of a start.
    pub(super) const fn shown(self) -> Option<StartStep> {
        Some(match self {
            Self::Away | Self::Ready | Self::Check | Self::Resting => return None,
            Self::Ping(LookAttempt::InBootLoader) | Self::BootLoader => StartStep::BootLoader,
            Self::Reopening
            | Self::Ping(_)
            | Self::Skip
            | Self::Pulse
            | Self::Loopback
            | Self::Version => StartStep::Looking,
            Self::Attach | Self::AttachWait | Self::AttachRegister => StartStep::Checking,
            Self::Reset(_) => StartStep::Resetting,
            Self::Write(_) | Self::Probe | Self::Register => StartStep::Configuring,
            Self::Start | Self::Await | Self::Verify => StartStep::Network,
            Self::Announce
            | Self::Wake
            | Self::Woken
            | Self::Announced
            | Self::LastCheck
            | Self::Pause => StartStep::Announcing,
        })
    }
}

/// What the stick is to send back.
pub(super) const LOOPBACK: [u8; 3] = [0xaa, 0xbb, 0xcc];

/// The address of the radio, with its last byte first.
fn address(id: EcuId) -> [u8; 8] {
    let [a, b, c, d, e, f] = id.reversed();
    [0xff, 0xff, a, b, c, d, e, f]
}

fn endpoint() -> AfEndpoint {
    AfEndpoint {
        number: ENDPOINT,
        profile: 0x0f05,
        device: 0x0100,
        version: 1,
        latency: 0,
        inputs: vec![0x0000, 0x0015],
        outputs: Vec::new(),
    }
}

/// Tells all inverters that they will be asked. None answers.
fn normal_operation(id: EcuId) -> ZnpRequest {
    let data = InverterCommand::NormalOperation.data(id);
    to(ShortAddress::BROADCAST, REQUEST_CLUSTER, data)
}

/// What a coordinator says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// It is ours, and runs.
    Well,
    /// It may become so by itself.
    NotYet(CoordinatorState),
    /// It has another address than ours: never told, lost, or somebody else's.
    Foreign([u8; 8]),
}

impl Condition {
    pub(super) fn of(info: &DeviceInfo, id: EcuId) -> Self {
        let is_running = info.status == ZnpStatus::Success
            && info.state == CoordinatorState::Running
            && info.address == ShortAddress::GATEWAY;
        if info.status == ZnpStatus::Success && info.ieee != address(id) {
            Self::Foreign(info.ieee)
        } else if is_running {
            Self::Well
        } else {
            Self::NotYet(info.state)
        }
    }
}
