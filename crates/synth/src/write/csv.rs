//! Events as CSV, formatted in parallel and written in order.

use std::io::Write as _;

use rayon::prelude::*;

use super::Pending;
use crate::calendar::MODELS;
use crate::clients::CLIENTS;
use crate::error::Error;
use crate::event::{CAPABILITIES, Event};
use crate::names::{push_account, push_address, push_card, push_template, push_time};
use crate::world::{World, WorldSink};

/// Rows formatted by one task.
const CHUNK: usize = 16_384;
/// Tasks whose text is held at once.
const CHUNKS_AT_ONCE: usize = 64;

const HEADER: &str =
    "timestamp,account_id,ip,payment_instrument,prompt_template_hash,model,capability,status,pathway,tokens,ja4,user_agent\n";

pub(super) struct CsvEvents {
    file: Pending,
}

impl CsvEvents {
    pub(super) fn start(mut file: Pending) -> Result<Self, Error> {
        Pending::write(&mut file, HEADER.as_bytes())?;
        Ok(CsvEvents { file })
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        self.file.finish()
    }
}

impl WorldSink for CsvEvents {
    type Error = Error;

    fn window(&mut self, world: &World, events: &[Event]) -> Result<(), Error> {
        for part in events.chunks(CHUNK * CHUNKS_AT_ONCE) {
            let texts: Vec<Vec<u8>> = part.par_chunks(CHUNK).map(|rows| format_rows(world, rows)).collect();
            for text in texts {
                Pending::write(&mut self.file, &text)?;
            }
        }
        Ok(())
    }
}

fn format_rows(world: &World, events: &[Event]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.len() * 224);
    for event in events {
        push_time(&mut out, event.millis);
        out.push(b',');
        push_account(&mut out, world, event.account);
        out.push(b',');
        push_address(&mut out, event.address);
        out.push(b',');
        push_card(&mut out, world, event.card);
        out.push(b',');
        push_template(&mut out, world, event.template);
        let (model, capability) = (MODELS[event.model as usize], CAPABILITIES[event.capability as usize]);
        let (pathway, client) = (event.pathway.name(), CLIENTS[event.client as usize]);
        // User agents may hold a semicolon, never a comma or a quote: see the test of `clients`. Writing to a Vec cannot fail.
        let _ = writeln!(
            out,
            ",{model},{capability},{},{pathway},{},{},{}",
            event.status, event.tokens, client.ja4, client.user_agent
        );
    }
    out
}
