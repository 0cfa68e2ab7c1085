//! Writing and reading moulds and values.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use uuid::Uuid;

use super::{Key, Mould, MouldError, Part, Piece, Recipe, Values};
use crate::domain::digest::sha256;

/// The version of the format.
const VERSION: u8 = 1;

type Cbor<'a> = Encoder<&'a mut Vec<u8>>;
type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;
type Read<T> = Result<T, minicbor::decode::Error>;

fn encode(capacity: usize, write: impl FnOnce(&mut Cbor<'_>) -> Written) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
    write(&mut Encoder::new(&mut bytes)).expect("writing to memory does not fail");
    bytes
}

impl Mould {
    /// Its bytes.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        encode(4096, |cbor| {
            let key = &self.key;
            cbor.array(7)?.u8(VERSION)?.bytes(key.notice_id.as_bytes())?;
            cbor.str(&key.locale)?.str(&key.zone)?.str(&key.role)?;
            encode_recipes(&self.recipes, cbor)?;
            cbor.array(self.pieces.len() as u64)?;
            for piece in &self.pieces {
                match piece {
                    Piece::Literal(bytes) => cbor.bytes(bytes)?,
                    Piece::Value(index) => cbor.u64(*index as u64)?,
                };
            }
            Ok(())
        })
    }

    /// Reads a mould.
    ///
    /// # Errors
    /// [`MouldError`] if the bytes are not a mould.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MouldError> {
        let mould = mould(&mut Decoder::new(bytes)).map_err(|_| MouldError::Form("the mould"))?;
        let exists = |piece: &Piece| !matches!(piece, Piece::Value(index) if *index >= mould.recipes.len());
        if mould.to_cbor() != bytes || !mould.pieces.iter().all(exists) {
            return Err(MouldError::Form("the mould"));
        }
        Ok(Self { id: sha256(bytes), ..mould })
    }
}

/// The bytes of the recipes alone.
pub(super) fn recipes(recipes: &[Recipe]) -> Vec<u8> {
    encode(1024, |cbor| encode_recipes(recipes, cbor))
}

fn encode_recipes(recipes: &[Recipe], cbor: &mut Cbor<'_>) -> Written {
    cbor.array(recipes.len() as u64)?;
    recipes.iter().try_for_each(|recipe| recipe.encode(cbor))
}

impl Recipe {
    fn encode(&self, cbor: &mut Cbor<'_>) -> Written {
        cbor.array(2)?.str(&self.form.to_string())?.array(self.parts.len() as u64)?;
        for part in &self.parts {
            match part {
                Part::Text(text) => cbor.str(text)?,
                Part::Value(name) => cbor.array(1)?.str(name)?,
                Part::Greeting { before, after, blank } => cbor.array(3)?.str(before)?.str(after)?.str(blank)?,
            };
        }
        Ok(())
    }
}

fn mould(cbor: &mut Decoder<'_>) -> Read<Mould> {
    expect(cbor, 7)?;
    if cbor.u8()? != VERSION {
        return Err(minicbor::decode::Error::message("it has another version"));
    }
    let notice_id = Uuid::from_slice(cbor.bytes()?).map_err(minicbor::decode::Error::custom)?;
    let (locale, zone, role) = (text(cbor)?, text(cbor)?, text(cbor)?);
    let recipes = list(cbor, recipe)?;
    let pieces = list(cbor, |cbor| match cbor.datatype()? {
        Type::Bytes => Ok(Piece::Literal(cbor.bytes()?.to_vec())),
        _ => Ok(Piece::Value(usize::try_from(cbor.u64()?).unwrap_or(usize::MAX))),
    })?;
    Ok(Mould::unnamed(Key { notice_id, locale, zone, role }, recipes, pieces))
}

fn recipe(cbor: &mut Decoder<'_>) -> Read<Recipe> {
    expect(cbor, 2)?;
    let form = cbor.str()?.parse().map_err(minicbor::decode::Error::custom)?;
    let parts = list(cbor, |cbor| {
        if cbor.datatype()? == Type::String {
            return Ok(Part::Text(text(cbor)?));
        }
        match cbor.array()? {
            Some(1) => Ok(Part::Value(text(cbor)?)),
            Some(3) => Ok(Part::Greeting { before: text(cbor)?, after: text(cbor)?, blank: text(cbor)? }),
            _ => Err(minicbor::decode::Error::message("there is no such part")),
        }
    })?;
    Ok(Recipe { form, parts })
}

fn list<T>(cbor: &mut Decoder<'_>, item: impl Fn(&mut Decoder<'_>) -> Read<T>) -> Read<Vec<T>> {
    let length = cbor.array()?.ok_or_else(|| minicbor::decode::Error::message("it has no length"))?;
    (0..length).map(|_| item(cbor)).collect()
}

fn expect(cbor: &mut Decoder<'_>, length: u64) -> Read<()> {
    match cbor.array()? {
        Some(found) if found == length => Ok(()),
        _ => Err(minicbor::decode::Error::message("it has another length")),
    }
}

fn text(cbor: &mut Decoder<'_>) -> Read<String> {
    cbor.str().map(str::to_owned)
}

impl Values {
    /// Their bytes.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        encode(self.bytes.len() + 3 * self.ends.len() + 3, |cbor| {
            cbor.array(self.ends.len() as u64)?;
            for index in 0..self.ends.len() {
                cbor.bytes(self.get(index).unwrap_or_default())?;
            }
            Ok(())
        })
    }

    /// Reads values.
    ///
    /// # Errors
    /// [`MouldError`] if the bytes are not values.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MouldError> {
        let mut values = Self::with_capacity(bytes.len());
        let mut read = || {
            let mut cbor = Decoder::new(bytes);
            let length = cbor.array()?.ok_or_else(|| minicbor::decode::Error::message("it has no length"))?;
            for _ in 0..length {
                values.append(cbor.bytes()?);
            }
            Read::Ok(cbor.position() == bytes.len())
        };
        match read() {
            Ok(true) => Ok(values),
            _ => Err(MouldError::Form("the list of values")),
        }
    }
}
