//! The roles of the target over real sockets: each stand-in store beside the real server where the
//! machine has it, and all roles together as the target's clients see them.

mod redis_stand_in;
mod stand_ins;
mod whole;
