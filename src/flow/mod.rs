//! Where the energy of the house goes: which device is the sun, the grid or the battery, and who feeds whom.
