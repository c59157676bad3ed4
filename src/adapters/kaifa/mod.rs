//! Smart meters that push DLMS/COSEM telegrams over their customer interface: Kaifa MA309 and MA110,
//! Sagemcom T210-D, Honeywell DM515, Landis+Gyr E450, Iskraemeco AM550 and kin.

pub mod wire;
