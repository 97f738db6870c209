//! The pure core through its public functions: nothing here needs a process, a network or a clock.

mod crds;
