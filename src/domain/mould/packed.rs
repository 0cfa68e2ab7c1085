//! Values as they are stored: most of what they say stands in the person of their entry, or in the recipes of their mould.

use std::cell::RefCell;

use zstd::zstd_safe::{CCtx, DCtx, compress_bound, get_frame_content_size};

use super::{Filled, Mould, MouldError, Values};

/// The fastest level that finds what is repeated; a higher one saves 2 bytes of 200.
const LEVEL: i32 = -1;

/// The most bytes of values that are read: more than any message has.
const MOST: u64 = 64 << 20;

thread_local! {
    /// Making one takes longer than packing values.
    static CONTEXT: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
}

impl Filled {
    /// The values in CBOR, packed as a frame of Zstandard (RFC 8878). Its dictionary is raw content: the recipes of the mould in CBOR,
    /// then the person of the entry that the values are stored with.
    #[must_use]
    pub fn pack(&self, person: &[u8]) -> Vec<u8> {
        let values = self.values.to_cbor();
        let mut packed = Vec::with_capacity(compress_bound(values.len()));
        let dictionary = self.mould.dictionary(person);
        CONTEXT
            .with_borrow_mut(|context| context.compress_using_dict(&mut packed, &values, &dictionary, LEVEL))
            .expect("there is room for values that cannot be made smaller");
        packed
    }
}

impl Mould {
    /// Reads values that are stored packed, with the person of their entry.
    ///
    /// # Errors
    /// [`MouldError`] if the bytes are not values.
    pub fn unpack(&self, packed: &[u8], person: &[u8]) -> Result<Values, MouldError> {
        let unreadable = || MouldError::Form("the list of values");
        let size = get_frame_content_size(packed).ok().flatten().filter(|size| *size <= MOST).ok_or_else(unreadable)?;
        let mut values = Vec::with_capacity(usize::try_from(size).map_err(|_| unreadable())?);
        let dictionary = self.dictionary(person);
        let read = DCtx::create().decompress_using_dict(&mut values, packed, &dictionary);
        read.map_err(|_| unreadable())?;
        Values::from_cbor(&values)
    }

    fn dictionary(&self, person: &[u8]) -> Vec<u8> {
        [&self.recipes_in_cbor, person].concat()
    }
}
