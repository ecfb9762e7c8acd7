//! A wire between trader and exchange that breaks in the middle of whatever is passing.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Passes bytes both ways, and cuts each connection after a number of bytes drawn from the seed, wherever that falls.
#[derive(Debug, Clone)]
pub struct CuttingProxy {
    /// Where it listens.
    pub address: SocketAddr,
    is_cutting: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
}

impl CuttingProxy {
    /// The most bytes from the exchange that one connection carries while the proxy cuts.
    const BYTES_MAX: u64 = 60_000;

    /// Starts one in front of an address.
    #[must_use]
    pub fn start(target: &str, seed: u64) -> Self {
        let listener = TcpListener::bind(crate::ANY_PORT).unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            is_cutting: Arc::new(AtomicBool::new(true)),
            cuts: Arc::default(),
        };
        let (target, handle) = (target.to_owned(), proxy.clone());
        std::thread::spawn(move || {
            let mut random = seed;
            for client in listener.incoming().map_while(Result::ok) {
                // Knuth's MMIX generator: the high bits are good enough to choose a place.
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let budget = 500 + (random >> 33) % Self::BYTES_MAX;
                let server = TcpStream::connect(&target).unwrap();
                handle.carry(&client, &server, budget);
            }
        });
        proxy
    }

    /// From now on connections are left alone.
    pub fn heal(&self) {
        self.is_cutting.store(false, Ordering::SeqCst);
    }

    /// How many connections have been cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    fn carry(&self, client: &TcpStream, server: &TcpStream, budget: u64) {
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            // Either side may end first.
            let _ended = std::io::copy(&mut from_client, &mut to_server);
            let _already_closed = to_server.shutdown(Shutdown::Both);
        });
        let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let proxy = self.clone();
        std::thread::spawn(move || {
            let (mut carried, mut buffer) = (0_u64, [0_u8; 4_096]);
            while let Ok(length @ 1..) = from_server.read(&mut buffer) {
                let left = usize::try_from(budget.saturating_sub(carried)).unwrap();
                let is_cut = proxy.is_cutting.load(Ordering::SeqCst) && length >= left;
                let passing = if is_cut {
                    &buffer[..left]
                } else {
                    &buffer[..length]
                };
                if to_client.write_all(passing).is_err() {
                    break;
                }
                carried += length as u64;
                if is_cut {
                    proxy.cuts.fetch_add(1, Ordering::SeqCst);
                    break;
                }
            }
            for stream in [&from_server, &to_client] {
                let _already_closed = stream.shutdown(Shutdown::Both);
            }
        });
    }
}
