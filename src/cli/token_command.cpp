#include "cli/token_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "certs/make.h"
#include "certs/token.h"
#include "cli/arguments.h"

namespace mpquic::cli {
namespace {

struct TokenArguments {
  std::filesystem::path directory = secrets_directory;
  std::string name;
  bool force = false;
};

int make(const TokenArguments& arguments) {
  const auto made = certs::make_token_file(arguments.directory, arguments.name, arguments.force);
  if (!made) {
    fmt::print(stderr, "mpquic: {}\n", made.error().message);
    return 1;
  }
  const std::string file = made->file.string();
  fmt::print("made {}, for the client alone\n", file);
  fmt::print("  server:  clients: {{{}: {{token: \"{}\", prefixes: [...]}}}}\n", arguments.name, made->hash);
  fmt::print("  client:  token: {}\n", file);
  return 0;
}

}  // namespace

void add_token_command(CLI::App& app, int& exit_status) {
  CLI::App* token = app.add_subcommand("token", "Make bearer tokens, which do for a client's certificate over h3");
  token->require_subcommand(1);
  CLI::App* command = token->add_subcommand("new", "Make a client's token: NAME.token");
  const auto arguments = std::make_shared<TokenArguments>();
  command->add_option("--dir", arguments->directory, "Directory of the token")->capture_default_str();
  command->add_flag("--force", arguments->force, "Replace the token that is there");
  command->add_option("NAME", arguments->name, "The client's name, as the server's configuration has it")
      ->check(validator(certs::check_client_name, "NAME"))
      ->required();
  command->callback([arguments, &exit_status] { exit_status = make(*arguments); });
}

}  // namespace mpquic::cli
