//! The risk gate: the only maker of an approved order.
