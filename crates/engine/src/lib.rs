//! The synchronous trading machine: event in, records and commands out.
