//! The program; the command line comes with its room.

fn main() {}
