// The embedded mode's durable log. A batch of events comes in as bytes (Writer::submit), becomes part of a frame, is
// durable when on_durable says so, and is read by any number of consumers (Reader). After a crash Writer::open() shows
// every frame to the fold again. It knows bytes and users' identities, not events. Files: docs/journal-format.md.
#pragma once

#include "adapters/journal/reader.hpp"
#include "adapters/journal/verify.hpp"
#include "adapters/journal/writer.hpp"
