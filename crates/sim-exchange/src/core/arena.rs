//! Storage with stable handles: what is removed is handed out again, so that a book in steady state allocates nothing.

/// A place in an [`Arena`].
pub(super) type Handle = u32;

/// No place.
pub(super) const NONE: Handle = Handle::MAX;

/// Values at stable places; freed places are used again, the latest first (it is the likeliest to be in the cache).
#[derive(Debug, Clone)]
pub(super) struct Arena<T> {
    slots: Vec<T>,
    free: Vec<Handle>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T: Copy> Arena<T> {
    /// Puts a value somewhere. [`NONE`] when all 2³² - 1 places are taken.
    pub(super) fn insert(&mut self, value: T) -> Handle {
        if let Some(handle) = self.free.pop() {
            if let Some(slot) = self.get_mut(handle) {
                *slot = value;
            }
            return handle;
        }
        let handle = Handle::try_from(self.slots.len()).unwrap_or(NONE);
        if handle != NONE {
            self.slots.push(value);
        }
        handle
    }

    /// Gives a place back. The caller holds no other copy of the handle.
    pub(super) fn release(&mut self, handle: Handle) {
        self.free.push(handle);
    }

    #[inline]
    pub(super) fn get(&self, handle: Handle) -> Option<&T> {
        self.slots.get(handle as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        self.slots.get_mut(handle as usize)
    }

    /// Places that exist, taken or free.
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity() + self.free.capacity()
    }
}
