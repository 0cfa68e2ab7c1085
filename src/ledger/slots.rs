//! Records of one size, by their place, in a file without a name: memory is the same however many there are. The operating system
//! removes the file with the process.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Records in a block, which is read and written as a whole.
const BLOCK: u64 = 256;

/// Blocks in memory. Places are used mostly in ascending order, so that few are enough.
const KEPT: usize = 256;

/// Records of `N` bytes. A record that was never set is all zeros.
#[derive(Debug, Default)]
pub(super) struct Slots<const N: usize> {
    /// Created for the first block that leaves the memory.
    file: Option<File>,
    /// The block of number `n` is at `n % KEPT`, if it is in memory.
    blocks: Vec<Option<Block>>,
}

#[derive(Debug)]
struct Block {
    number: u64,
    changed: bool,
    bytes: Vec<u8>,
}

impl<const N: usize> Slots<N> {
    /// The record at a place.
    pub(super) fn get(&mut self, place: u64) -> io::Result<[u8; N]> {
        let at = within::<N>(place);
        let block = self.block(place / BLOCK)?;
        Ok(block.bytes[at..at + N].try_into().expect("it has N bytes"))
    }

    /// Sets the record at a place.
    pub(super) fn set(&mut self, place: u64, record: &[u8; N]) -> io::Result<()> {
        let at = within::<N>(place);
        let block = self.block(place / BLOCK)?;
        block.bytes[at..at + N].copy_from_slice(record);
        block.changed = true;
        Ok(())
    }

    fn block(&mut self, number: u64) -> io::Result<&mut Block> {
        self.blocks.resize_with(KEPT, || None);
        let place = usize::try_from(number % KEPT as u64).expect("it is below the number of blocks");
        if self.blocks[place].as_ref().is_none_or(|block| block.number != number) {
            if let Some(old) = self.blocks[place].take().filter(|old| old.changed) {
                let file = match &mut self.file {
                    Some(file) => file,
                    none => none.insert(tempfile::tempfile()?),
                };
                file.write_all_at(&old.bytes, offset::<N>(old.number)?)?;
            }
            self.blocks[place] = Some(Block { number, changed: false, bytes: self.read(number)? });
        }
        Ok(self.blocks[place].as_mut().expect("it was loaded"))
    }

    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(BLOCK).expect("it is small") * N];
        let (Some(file), mut filled) = (&self.file, 0) else { return Ok(bytes) };
        let from = offset::<N>(number)?;
        // What lies beyond the end of the file was never set.
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], from + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}

fn within<const N: usize>(place: u64) -> usize {
    usize::try_from(place % BLOCK).expect("it is below the size of a block") * N
}

fn offset<const N: usize>(number: u64) -> io::Result<u64> {
    let offset = number.checked_mul(BLOCK * N as u64).filter(|offset| i64::try_from(*offset).is_ok());
    offset.ok_or_else(|| io::Error::other("more records than a file can hold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_at_a_place_is_there_whatever_was_set_in_between() {
        let mut slots: Slots<5> = Slots::default();
        let record = |place: u64| [1, 2, 3, (place % 251) as u8, (place / 251 % 256) as u8];
        // Three rounds of all that fits into memory, then a place far off.
        let last = 3 * BLOCK * KEPT as u64 + 7;
        for place in (0..last).step_by(3).chain([1 << 40]) {
            slots.set(place, &record(place)).unwrap();
        }
        for place in (0..last).rev().chain([1 << 40, (1 << 40) + 1, last + 900]) {
            let set = place % 3 == 0 && place < last || place == 1 << 40;
            assert_eq!(slots.get(place).unwrap(), if set { record(place) } else { [0; 5] }, "{place}");
        }
    }
}
