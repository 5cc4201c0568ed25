//! Who may be connected: a fixed number of seats, and who gives one up for a newcomer.
//!
//! A connection is either at work (its request is complete and is being answered) or it
//! waits for its client: for a request, the rest of one, or for an answer to be read.
//! When all seats are taken, a new connection gets the seat of the one that has waited
//! longest. So connections that only wait can take no seat from those who ask.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, oneshot};

#[derive(Debug)]
pub(crate) struct Seats {
    most: usize,
    table: Mutex<Table>,
    // Tells whoever stands in line that a seat became free, or is available.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    // Counts events, so that "longest" needs no clock.
    tick: u64,
    taken: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    // Since when it waits for its client; None while it is at work.
    waiting: Option<u64>,
    // Dropped when the seat is taken away, which the connection notices.
    _leave: oneshot::Sender<()>,
}

impl Table {
    fn next(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    fn longest_waiting(&self) -> Option<u64> {
        let waiting = self.taken.iter().filter_map(|(id, seat)| Some((seat.waiting?, *id)));
        waiting.min().map(|(_, id)| id)
    }
}

impl Seats {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, table: Mutex::default(), changed: Notify::new() })
    }

    /// A seat, and what completes when it is taken away again. Waits while every
    /// connection is at work.
    pub(crate) async fn take(self: &Arc<Self>) -> (Seat, oneshot::Receiver<()>) {
        loop {
            let changed = self.changed.notified();
            if let Some(taken) = self.try_take() {
                return taken;
            }
            changed.await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<(Seat, oneshot::Receiver<()>)> {
        let mut table = self.table();
        if table.taken.len() >= self.most {
            let id = table.longest_waiting()?;
            table.taken.remove(&id);
        }
        let id = table.next();
        let (sender, leave) = oneshot::channel();
        table.taken.insert(id, Taken { waiting: Some(id), _leave: sender });
        Some((Seat(Arc::new(Owner { id, seats: self.clone() })), leave))
    }

    /// Ends the connection that has waited longest for its client, if there is one.
    pub(crate) fn free_one(&self) {
        let mut table = self.table();
        if let Some(id) = table.longest_waiting() {
            table.taken.remove(&id);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is whole between any two statements.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's seat; free again when the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Seat(Arc<Owner>);

#[derive(Debug)]
struct Owner {
    id: u64,
    seats: Arc<Seats>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.seats.table().taken.remove(&self.id);
        self.seats.changed.notify_one();
    }
}

impl Seat {
    /// At work until the returned guard is dropped: nobody gets this seat meanwhile.
    pub(crate) fn work(&self) -> AtWork {
        if let Some(taken) = self.0.seats.table().taken.get_mut(&self.0.id) {
            taken.waiting = None;
        }
        AtWork(self.clone())
    }
}

/// A connection whose request is being answered.
#[derive(Debug)]
pub(crate) struct AtWork(Seat);

impl Drop for AtWork {
    fn drop(&mut self) {
        let owner = &self.0.0;
        let mut table = owner.seats.table();
        let now = table.next();
        if let Some(taken) = table.taken.get_mut(&owner.id) {
            taken.waiting = Some(now);
        }
        drop(table);
        owner.seats.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future as _, task};

    use tokio::sync::oneshot::error::TryRecvError::Closed;

    use super::Seats;

    #[test]
    fn the_one_that_waited_longest_gives_its_seat_up() {
        let seats = Seats::new(2);
        let (first, mut first_leaves) = seats.try_take().unwrap();
        let (_second, mut second_leaves) = seats.try_take().unwrap();
        let at_work = first.work();
        let (third, mut third_leaves) = seats.try_take().unwrap();
        assert_eq!(second_leaves.try_recv(), Err(Closed));
        let third_at_work = third.work();
        assert!(seats.try_take().is_none(), "both are at work");
        // Back to waiting in this order, so the third has waited longer.
        drop(third_at_work);
        drop(at_work);
        let _fourth = seats.try_take().unwrap();
        assert_eq!(third_leaves.try_recv(), Err(Closed));
        assert_ne!(first_leaves.try_recv(), Err(Closed));
    }

    #[tokio::test]
    async fn a_newcomer_waits_while_all_are_at_work() {
        let seats = Seats::new(1);
        let (only, _leave) = seats.take().await;
        let at_work = only.work();
        let mut next = Box::pin(seats.take());
        let mut context = task::Context::from_waker(task::Waker::noop());
        assert!(next.as_mut().poll(&mut context).is_pending());
        drop(at_work);
        next.await;
        seats.free_one();
        assert!(seats.table().taken.is_empty());
        drop(only);
    }
}
