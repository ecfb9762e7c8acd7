//! The dead man with its socket, its clock and its own connection to the venue.

use std::future::{Future, pending};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keel_binance::{OpenList, OpenOrders, RequestError};
use keel_config::Config;
use keel_control::{Ear, Heard};
use keel_guard::{Answer, Event, Guard, Request};
use keel_journal::{FsDisk, HaltMark};
use tokio::sync::mpsc;

use crate::{Clock, GuardTeller, assemble};

/// How a guard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardEnding {
    /// No trader fell silent.
    Quiet,
    /// A trader fell silent, and all was canceled, or the trader came back.
    Fired,
    /// Orders were being canceled, and may be open still.
    Unverified,
}

/// Cancels the pairs' open orders whenever the trader of the state directory falls silent, until `stop` is ready.
///
/// # Errors
/// What keeps it from guarding, with the remedy: a socket that cannot be had, a guard that is there already, credentials that
/// the venue refuses.
pub async fn guard(
    config: &Config,
    credentials: keel_config::Credentials,
    stop: impl Future<Output = ()>,
    teller: GuardTeller,
) -> Result<GuardEnding> {
    let clock = Clock::start();
    let credentials = assemble::credentials(credentials);
    let mut venue = OpenOrders::new(&config.venue.rest_url, &credentials, config.venue.recv_window)?;
    let ear = Ear::start(&config.state_dir).with_context(|| {
        let dir = config.state_dir.display();
        format!("the guard's socket below {dir}; it must be writable and its path shorter than 108 bytes")
    })?;
    let mut guard = Guard::new(config.trading.symbols.clone(), config.guard_silence_max);
    teller.begin(config);
    tokio::pin!(stop);
    tokio::select! {
        probed = probe(&mut venue, clock, config, &teller) => probed?,
        () = &mut stop => return Ok(GuardEnding::Quiet),
    }
    teller.ready(clock.now());
    if ear.is_trader_expected() {
        guard.expect_beats(clock.now());
    }
    let (requests, answers) = ask_apart(venue, clock);
    let (marking, marked) = mpsc::unbounded_channel();
    Guarding {
        guard,
        ear,
        clock,
        teller,
        requests,
        answers,
        state_dir: config.state_dir.clone(),
        marking,
        marked,
    }
    .until(stop)
    .await
}

/// What a venue refuses now it would refuse in need. A venue that cannot be reached is only told: it may be back by then.
async fn probe(venue: &mut OpenOrders, clock: Clock, config: &Config, teller: &GuardTeller) -> Result<()> {
    for symbol in &config.trading.symbols {
        match venue.look(|| clock.now(), *symbol).await {
            Ok(_) => {}
            Err(error) if error.is_lasting() => bail!(
                "{symbol}: {error}\n  remedy: correct credentials, venue and trading.symbols; the key needs the right to trade"
            ),
            Err(error) => {
                teller.unreachable(clock.now(), *symbol, &error);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Makes requests on a task of its own, so that heartbeats are heard meanwhile.
fn ask_apart(mut venue: OpenOrders, clock: Clock) -> (mpsc::Sender<Request>, mpsc::Receiver<Answer>) {
    let (requests, mut asked) = mpsc::channel(1);
    let (told, answers) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(request) = asked.recv().await {
            let answer = ask(&mut venue, clock, request).await;
            if told.send(answer.unwrap_or_else(failed)).await.is_err() {
                return;
            }
        }
    });
    (requests, answers)
}

async fn ask(venue: &mut OpenOrders, clock: Clock, request: Request) -> Result<Answer, RequestError> {
    let now = || clock.now();
    Ok(match request {
        Request::Look(symbol) => {
            let OpenList { stops, others } = venue.look(now, symbol).await?;
            Answer::Open { stops, others }
        }
        Request::CancelAll(symbol) => Answer::Canceled(venue.cancel_all(now, symbol).await?),
        Request::Cancel(symbol, order) => Answer::Canceled(venue.cancel(now, symbol, order).await?),
    })
}

fn failed(error: RequestError) -> Answer {
    let wait = match error {
        RequestError::RateLimited { wait, .. } => Some(wait),
        _ => None,
    };
    Answer::Failed {
        problem: error.to_string(),
        wait,
    }
}

struct Guarding {
    guard: Guard,
    ear: Ear,
    clock: Clock,
    teller: GuardTeller,
    requests: mpsc::Sender<Request>,
    answers: mpsc::Receiver<Answer>,
    state_dir: PathBuf,
    /// What became of the marks that were to be left.
    marking: mpsc::UnboundedSender<std::io::Result<()>>,
    marked: mpsc::UnboundedReceiver<std::io::Result<()>>,
}

impl Guarding {
    async fn until(mut self, stop: impl Future<Output = ()> + Unpin) -> Result<GuardEnding> {
        let mut stop = stop;
        loop {
            // What waits already was said before now: after a standstill of the guard itself, it must not count as silence.
            while let Some(heard) = self.ear.try_next() {
                self.on_heard(heard);
            }
            let now = self.clock.now();
            if let Some(request) = self.guard.next_request(now) {
                // At most one is under way, so that there is room.
                self.requests
                    .send(request)
                    .await
                    .context("the requests' task is gone")?;
            }
            while let Some(event) = self.guard.next_event() {
                self.teller.event(now, &event);
                if let Event::Silent { silence } = event {
                    self.leave_mark(silence);
                }
            }
            let deadline = async {
                match self.guard.next_deadline() {
                    Some(at) => tokio::time::sleep(at.since(now)).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => return Ok(self.ending()),
                heard = self.ear.next() => self.on_heard(heard.context("the guard's socket")?),
                answer = self.answers.recv() => {
                    let answer = answer.context("the requests' task is gone")?;
                    self.guard.on_answer(self.clock.now(), &answer);
                }
                marked = self.marked.recv() => {
                    let marked = marked.context("the marks' channel")?;
                    self.teller.marked(self.clock.now(), marked);
                }
                () = deadline => {}
            }
        }
    }

    /// The trader's next start is to be halted. On a thread of its own that nobody waits for: a disk that hangs may be why the
    /// trader is silent, and must not keep the guard from canceling.
    fn leave_mark(&self, silence: Duration) {
        let reason = format!(
            "the guard heard nothing from the trader for {} ms, and canceled every order of its pairs but stops",
            silence.as_millis()
        );
        let (mut disk, told) = (FsDisk::read_only(&self.state_dir), self.marking.clone());
        let marking = std::thread::Builder::new().name("mark".to_owned());
        let spawned = marking.spawn(move || {
            let left = disk.leave_mark(&reason);
            // The guard may have ended.
            let _gone = told.send(left);
        });
        if let Err(error) = spawned {
            self.teller.marked(self.clock.now(), Err(error));
        }
    }

    fn on_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Beat => self.guard.on_beat(self.clock.now()),
            Heard::Farewell => self.guard.on_farewell(),
        }
    }

    fn ending(&self) -> GuardEnding {
        if self.guard.is_canceling() {
            GuardEnding::Unverified
        } else if self.guard.has_fired() {
            GuardEnding::Fired
        } else {
            GuardEnding::Quiet
        }
    }
}
