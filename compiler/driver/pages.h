// What is made from the definitions of the commands: manual pages, and completion for shells.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace graphc {

/// An option or a positional argument of a command.
struct DescribedOption {
  std::vector<std::string> names; // "-o", "--emit"; of a positional one its name alone
  std::string value;              // "DIR"; empty for a flag
  std::vector<std::string> choices;
  std::string description, group;
  bool positional = false, required = false;
};

struct DescribedCommand {
  std::string name, summary; // "build", "checkpoint list"
  std::string description;
  std::vector<DescribedOption> options;
};

/// A command as its parser knows it, and those within it.
void describeCommand(const CLI::App &app, const std::string &name, const std::string &summary,
                     std::vector<DescribedCommand> &commands);

struct Page {
  std::string path; // "man/man1/graphc-build.1"
  std::string text;
};

/// Manual pages (man(7)), the general one first.
std::vector<Page> manualPages(const std::vector<DescribedCommand> &commands,
                              const std::string &version);
/// Completion for bash, zsh and fish.
std::vector<Page> completions(const std::vector<DescribedCommand> &commands);

} // namespace graphc
