#include "cli/cert_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "certs/inspect.h"
#include "certs/make.h"
#include "certs/revoke.h"
#include "cli/arguments.h"

namespace mpquic::cli {
namespace {

/// What the options of one subcommand parse into; its callback shares the ownership.
struct CertArguments {
  std::filesystem::path directory = secrets_directory;
  std::vector<std::string> names;  ///< of the server; one for a client, none or one for a CA
  std::optional<int> days;
  bool force = false;
  bool renew = false;

  certs::Options options() const {
    certs::Options options;
    if (days) options.valid = std::chrono::days(*days);
    if (force) options.existing = certs::Existing::replace;
    if (renew) options.existing = certs::Existing::renew;
    return options;
  }
};

using Arguments = std::shared_ptr<CertArguments>;

int report(const Error& error) {
  fmt::print(stderr, "mpquic: {}\n", error.message);
  return 1;
}

int show(const std::filesystem::path& path) {
  const auto words = certs::describe_file(path, std::chrono::system_clock::now());
  if (!words) return report(words.error());
  fmt::print("{}", *words);
  return 0;
}

int finish(const Result<certs::Pair>& made, const CertArguments& arguments) {
  if (!made) return report(made.error());
  if (arguments.renew) {
    fmt::print("renewed {}, for the key in {}\n", made->certificate.string(), made->key.string());
  } else {
    fmt::print("made {} and {}\n", made->certificate.string(), made->key.string());
  }
  return show(made->certificate);
}

void add_directory(CLI::App& command, const Arguments& arguments) {
  command.add_option("--dir", arguments->directory, "Directory of the certificates and keys")->capture_default_str();
}

void add_options(CLI::App& command, const Arguments& arguments) {
  add_directory(command, arguments);
  command.add_option("--days", arguments->days, "Days until it expires")->check(CLI::Range(1, 36500));
  auto* force = command.add_flag("--force", arguments->force, "Replace what is there: new key, new certificate");
  command.add_flag("--renew", arguments->renew, "New certificate for the key that is there")->excludes(force);
}

void add_ca(CLI::App& cert, int& exit_status) {
  CLI::App* command = cert.add_subcommand("ca", "Make the authority that signs: ca.pem, ca.key (10 years)");
  const auto arguments = std::make_shared<CertArguments>();
  add_options(*command, arguments);
  const auto name = std::make_shared<std::string>();
  command->add_option("--name", *name, fmt::format("Its name (default \"{}\")", certs::default_authority_name))
      ->excludes("--renew");
  command->callback([arguments, name, &exit_status] {
    exit_status = finish(certs::make_authority(arguments->directory, *name, arguments->options()), *arguments);
    if (exit_status == 0 && arguments->force) fmt::print("what an earlier authority here signed is no longer valid\n");
  });
}

void add_server(CLI::App& cert, int& exit_status) {
  CLI::App* command = cert.add_subcommand("server", "Make a server's certificate: server.pem, server.key (2 years)");
  const auto arguments = std::make_shared<CertArguments>();
  add_options(*command, arguments);
  command
      ->add_option("NAME", arguments->names,
                   fmt::format("DNS name or IP address of the server; \"{}\" is added", certs::default_server_name))
      ->check(validator(certs::check_server_name, "DNS|IP"));
  command->callback([arguments, &exit_status] {
    if (arguments->names.empty() && !arguments->renew) throw CLI::RequiredError("NAME");
    exit_status = finish(certs::make_server(arguments->directory, arguments->names, arguments->options()), *arguments);
  });
}

void add_client(CLI::App& cert, int& exit_status) {
  CLI::App* command = cert.add_subcommand("client", "Make a client's certificate: NAME.pem, NAME.key (2 years)");
  const auto arguments = std::make_shared<CertArguments>();
  add_options(*command, arguments);
  command->add_option("NAME", arguments->names, "The client's name, as the server's configuration has it")
      ->check(validator(certs::check_client_name, "NAME"))
      ->required()
      ->expected(1);
  command->callback([arguments, &exit_status] {
    exit_status =
        finish(certs::make_client(arguments->directory, arguments->names.front(), arguments->options()), *arguments);
  });
}

int revoke(const CertArguments& arguments, const std::vector<std::filesystem::path>& files) {
  const auto revoked = certs::revoke(arguments.directory, files, arguments.options());
  if (!revoked) return report(revoked.error());
  fmt::print("wrote {} with {} more; servers whose configuration has it as crl heed it once they are reloaded\n",
             revoked->list.string(), revoked->added);
  return show(revoked->list);
}

void add_revoke(CLI::App& cert, int& exit_status) {
  CLI::App* command = cert.add_subcommand("revoke", "Put certificates on the authority's revocation list: crl.pem");
  const auto arguments = std::make_shared<CertArguments>();
  add_directory(*command, arguments);
  command->add_option("--days", arguments->days, "Days until a newer list is due (default: none is)")
      ->check(CLI::Range(1, 36500));
  const auto files = std::make_shared<std::vector<std::filesystem::path>>();
  command->add_option("FILE", *files, "Certificates; without any, the list is only signed anew");
  command->callback([arguments, files, &exit_status] { exit_status = revoke(*arguments, *files); });
}

void add_show(CLI::App& cert, int& exit_status) {
  CLI::App* command =
      cert.add_subcommand("show", "Show certificates and revocation lists: who, until when, issued by whom");
  const auto files = std::make_shared<std::vector<std::filesystem::path>>();
  command->add_option("FILE", *files, "PEM files")->required();
  command->callback([files, &exit_status] {
    exit_status = 0;
    for (const auto& file : *files) exit_status |= show(file);
  });
}

}  // namespace

void add_cert_command(CLI::App& app, int& exit_status) {
  CLI::App* cert = app.add_subcommand("cert", "Make, renew, revoke and show certificates");
  cert->require_subcommand(1);
  add_ca(*cert, exit_status);
  add_server(*cert, exit_status);
  add_client(*cert, exit_status);
  add_revoke(*cert, exit_status);
  add_show(*cert, exit_status);
}

}  // namespace mpquic::cli
