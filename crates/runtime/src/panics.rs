//! Panics on the trading task, taken as values.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs a part of the program. A panic in it is given in words; what the part was changing may be half changed then.
///
/// # Errors
/// The panic's message.
pub fn caught<T>(part: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(part)).map_err(|panic| message(&*panic))
}

/// The same for a future. After a panic it is not polled again.
///
/// # Errors
/// The panic's message.
pub(crate) async fn caught_while<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    poll_fn(|context| match caught(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(what) => Poll::Ready(Err(what)),
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_its_message_and_all_else_passes() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("at once")), Err::<(), _>("at once".to_owned()));
        let number = 3;
        let formatted = caught(|| panic!("of {number}"));
        assert_eq!(formatted, Err::<(), _>("of 3".to_owned()));
        let other = caught(|| std::panic::panic_any(7));
        assert_eq!(other, Err::<(), _>("without a message".to_owned()));
    }

    #[tokio::test]
    async fn a_future_that_panics_after_it_has_waited_is_caught() {
        let late = async {
            tokio::task::yield_now().await;
            panic!("late");
        };
        assert_eq!(caught_while(late).await, Err::<(), _>("late".to_owned()));
        assert_eq!(caught_while(async { 7 }).await, Ok(7));
    }
}
