//! The shell: moves events into the engine and its commands out, on one thread.
