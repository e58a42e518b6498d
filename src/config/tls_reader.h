#pragma once

#include <filesystem>

#include "config/fields.h"
#include "config/model.h"

namespace mpquic::config {

/// Read the `tls` map of either role out of the top of the file. Relative file names are taken from `folder`. What must
/// stand there together is checked here; the files themselves are looked at by check_files().
ClientTls read_client_tls(Fields& top, const std::filesystem::path& folder);
/// `tokens`: there are clients that need no certificate.
ServerTls read_server_tls(Fields& top, const std::filesystem::path& folder, bool tokens);

}  // namespace mpquic::config
