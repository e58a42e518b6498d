#pragma once

#include <sys/types.h>

#include <filesystem>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace mpquic::certs {

struct NewFile {
  std::filesystem::path path;
  Bytes contents;
  mode_t mode;
};

/// All of the files appear, or everything is as it was: each is written in full under a name of its own in the same
/// directory (mode 0600 from the start) and synced before the first gets its true name; when a later one can't get
/// its name, the earlier ones give theirs back. What is there already is replaced or an error that names it.
/// Only a crash in between the renames can leave old beside new.
Result<void> write_files(std::span<const NewFile> files, bool replace);

}  // namespace mpquic::certs
