//! Where an order is, by its id.

use keel_domain::OrderId;

use super::arena::{Handle, NONE};

#[derive(Debug, Clone, Copy)]
struct Slot {
    order_id: u64,
    handle: Handle,
}

const EMPTY: Slot = Slot {
    order_id: 0,
    handle: NONE,
};

/// A hash table with a fixed hash and linear probing, never iterated. Ids ascend, so multiplying by the golden ratio
/// spreads them evenly; removal shifts back what follows, so nothing of the removed stays behind. Its size follows the
/// number of orders that rest together, not the ids that ever were.
#[derive(Debug, Clone, Default)]
pub(super) struct OrderIndex {
    slots: Vec<Slot>,
    shift: u32,
    len: usize,
}

impl OrderIndex {
    const SLOTS_MIN: usize = 64;
    const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

    #[inline]
    fn home(&self, order_id: u64) -> usize {
        (order_id.wrapping_mul(Self::GOLDEN_RATIO) >> self.shift) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.slots.len().wrapping_sub(1))
    }

    /// The place of an id, or the empty place where it would go; none in a table without places.
    #[inline]
    fn find(&self, order_id: u64) -> Option<(usize, Handle)> {
        let mut place = self.home(order_id);
        loop {
            let slot = self.slots.get(place)?;
            if slot.handle == NONE || slot.order_id == order_id {
                return Some((place, slot.handle));
            }
            place = self.after(place);
        }
    }

    pub(super) fn get(&self, order_id: OrderId) -> Option<Handle> {
        self.find(order_id.0)
            .map(|(_, handle)| handle)
            .filter(|handle| *handle != NONE)
    }

    /// Remembers an id. Says whether it was new; if not, nothing changes.
    pub(super) fn insert(&mut self, order_id: OrderId, handle: Handle) -> bool {
        // At most five eighths full: probes stay short.
        if self.len * 8 >= self.slots.len() * 5 {
            self.grow();
        }
        let Some((place, NONE)) = self.find(order_id.0) else {
            return false;
        };
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot {
                order_id: order_id.0,
                handle,
            };
            self.len += 1;
        }
        true
    }

    pub(super) fn remove(&mut self, order_id: OrderId) -> Option<Handle> {
        let (place, handle) = self.find(order_id.0).filter(|(_, handle)| *handle != NONE)?;
        self.len -= 1;
        let mask = self.slots.len().wrapping_sub(1);
        let mut hole = place;
        let mut next = self.after(place);
        while let Some(slot) = self.slots.get(next).copied().filter(|slot| slot.handle != NONE) {
            let from_home = next.wrapping_sub(self.home(slot.order_id)) & mask;
            let from_hole = next.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                if let Some(target) = self.slots.get_mut(hole) {
                    *target = slot;
                }
                hole = next;
            }
            next = self.after(next);
        }
        if let Some(last) = self.slots.get_mut(hole) {
            *last = EMPTY;
        }
        Some(handle)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(Self::SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; size]);
        self.shift = 64 - size.trailing_zeros();
        self.len = 0;
        for slot in old.into_iter().filter(|slot| slot.handle != NONE) {
            self.insert(OrderId(slot.order_id), slot.handle);
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }
}
