//! What a build without the feature `reliable` leaves out.

use core::ops::{Deref, DerefMut};

/// A part of a connection that only a build with the feature `reliable` has. Without it this type has no values: an
/// `Option` of it is known to be `None`, and the compiler leaves out whatever would handle the part.
#[derive(Debug)]
pub(crate) struct Compiled<T>(Inner<T>);

#[cfg(feature = "reliable")]
type Inner<T> = T;
#[cfg(not(feature = "reliable"))]
type Inner<T> = (core::convert::Infallible, core::marker::PhantomData<T>);

impl<T> Compiled<T> {
    /// The part, if there may be one.
    pub(crate) fn make(make: impl FnOnce() -> T) -> Option<Self> {
        #[cfg(feature = "reliable")]
        return Some(Self(make()));
        #[cfg(not(feature = "reliable"))]
        {
            drop(make);
            None
        }
    }
}

impl<T> Deref for Compiled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        #[cfg(feature = "reliable")]
        return &self.0;
        #[cfg(not(feature = "reliable"))]
        match self.0.0 {}
    }
}

impl<T> DerefMut for Compiled<T> {
    fn deref_mut(&mut self) -> &mut T {
        #[cfg(feature = "reliable")]
        return &mut self.0;
        #[cfg(not(feature = "reliable"))]
        match self.0.0 {}
    }
}
