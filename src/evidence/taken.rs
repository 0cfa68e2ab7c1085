//! Evidence that is handed out over HTTP: of one notice, by one at a time, from a temporary file.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::io::AsyncReadExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::{Proof, ProofError, Prover, Request};
use crate::domain::actor::Actor;
use crate::ledger::evidence::EvidenceError;

/// The largest evidence that is made into a PDF, in bytes: PDF and evidence are held in memory.
const LARGEST_IN_PDF: u64 = 64 << 20;

/// What is read from the file at once, in bytes.
const CHUNK: usize = 64 << 10;

/// How long somebody waits while other evidence is written: shorter than an answer over HTTP may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The evidence of one notice. Other evidence waits until this was handed out as a PDF, or begins to be as a file.
pub struct Taken {
    proof: Proof,
    file: File,
    _turn: OwnedSemaphorePermit,
}

impl Prover {
    /// Writes the evidence of the first notice asked for, by one at a time: that of a large notice is large.
    ///
    /// # Errors
    /// If there is nothing to prove, the file cannot be written, or other evidence takes long.
    pub async fn take(&self, actor: &Actor, request: &Request) -> Result<Taken, ProofError> {
        let turn = timeout(PATIENCE, self.turns.clone().acquire_owned()).await.map_err(|_| ProofError::Busy)?;
        let turn = turn.expect("the turns are never closed");
        let proof = self.prepare(actor, request).await?.into_iter().next();
        let proof = proof.ok_or(EvidenceError::NotReleased)?;
        let mut file = tempfile::tempfile().map_err(EvidenceError::Write)?;
        proof.write(BufWriter::new(&mut file), &|_| ()).await?;
        file.rewind().map_err(EvidenceError::Write)?;
        Ok(Taken { proof, file, _turn: turn })
    }
}

impl Taken {
    /// The file, a part at a time.
    pub fn parts(self) -> impl Stream<Item = io::Result<Vec<u8>>> {
        stream::try_unfold(tokio::fs::File::from_std(self.file), |mut file| async move {
            let mut part = vec![0; CHUNK];
            let n = file.read(&mut part).await?;
            part.truncate(n);
            Ok((n > 0).then_some((part, file)))
        })
    }

    /// The report as a PDF, which holds the file as `evidence.json`.
    ///
    /// # Errors
    /// If the file is too large to be held in memory, is not valid, or cannot be read.
    pub async fn pdf(mut self) -> Result<Vec<u8>, ProofError> {
        check_size(self.file.metadata().map_err(EvidenceError::Write)?.len())?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).map_err(EvidenceError::Write)?;
        self.proof.pdf(&bytes, "evidence.json").await
    }
}

/// Refuses evidence that is too large to be held in memory, before it is read.
const fn check_size(bytes: u64) -> Result<(), ProofError> {
    if bytes > LARGEST_IN_PDF { Err(ProofError::TooLarge { bytes, most: LARGEST_IN_PDF }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_for_a_pdf_has_a_limit() {
        check_size(LARGEST_IN_PDF).unwrap();
        assert_eq!(check_size(LARGEST_IN_PDF + 1).unwrap_err().kind(), crate::domain::kind::Kind::Refused);
    }
}
