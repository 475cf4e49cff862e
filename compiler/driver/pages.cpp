#include "driver/pages.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace graphc {

namespace {

std::vector<std::string> choicesOf(const std::string &type) {
  std::vector<std::string> choices;
  size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return choices;
  std::string list = type.substr(open + 1, close - open - 1);
  for (size_t at = 0; at <= list.size();) {
    size_t end = std::min(list.find(',', at), list.size());
    choices.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

DescribedOption describe(const CLI::Option &option) {
  DescribedOption made;
  made.positional = option.get_positional();
  for (const std::string &name : option.get_snames()) made.names.push_back("-" + name);
  for (const std::string &name : option.get_lnames()) made.names.push_back("--" + name);
  if (made.positional) made.names = {option.get_name(true)};
  made.description = option.get_description();
  made.group = option.get_group();
  made.required = option.get_required();
  if (option.get_items_expected_max() > 0) {
    // "FORMAT:{text,json}": the name, then what checks it.
    std::string type = option.get_type_name();
    made.value = type.substr(0, type.find(':'));
    made.choices = choicesOf(type);
    if (made.value.empty()) made.value = "VALUE";
  }
  return made;
}

// ---- Manual pages ----

/// Text that man(7) leaves as it is; what is not ASCII as \[uXXXX].
std::string roff(std::string_view text) {
  std::string out;
  uint32_t point = 0;
  int more = 0; // bytes of a character of UTF-8
  bool lineBegins = true;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      if (byte >= 0xC0) {
        more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
        point = byte & (0x3F >> more);
      } else {
        point = point << 6 | (byte & 0x3F);
        --more;
      }
      if (more == 0) out += fmt::format("\\[u{:04X}]", point);
      continue;
    }
    if (lineBegins && (c == '.' || c == '\'')) out += "\\&";
    lineBegins = c == '\n';
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string upper(std::string text) {
  for (char &c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

std::string pageName(const std::string &command) {
  std::string name = command.empty() ? "graphc" : "graphc-" + command;
  for (char &c : name) c = c == ' ' ? '-' : c;
  return name;
}

std::string header(const std::string &command, const std::string &version,
                   const std::string &summary) {
  std::string name = pageName(command);
  return fmt::format(".TH {} 1 \"\" \"graphc {}\" \"graphc\"\n.SH NAME\n{} \\- {}\n",
                     roff(upper(name)), version, roff(name), roff(summary));
}

constexpr const char *exitStatus = ".SH EXIT STATUS\n0 if all is well, 1 if the definition has "
                                   "errors or findings that count, 2 for\n"
                                   "wrong usage, or a file that can't be read or written.\n";

std::string manualPage(const DescribedCommand &command, const std::string &version) {
  std::string out = header(command.name, version, command.summary);
  out += fmt::format(".SH SYNOPSIS\n.B graphc {}\n[\\fIOPTIONS\\fR]", roff(command.name));
  for (const DescribedOption &option : command.options)
    if (option.positional)
      out += fmt::format(" {0}\\fI{2}\\fR{1}", option.required ? "" : "[",
                         option.required ? "" : "]", roff(option.names[0]));
  out += fmt::format("\n.SH DESCRIPTION\n{}\n.SH OPTIONS\n", roff(command.description));
  std::string group;
  for (const DescribedOption &option : command.options) {
    if (option.group != group && !option.positional) {
      group = option.group;
      if (group != "Options") out += fmt::format(".SS {}\n", roff(group));
    }
    std::string names;
    for (const std::string &name : option.names)
      names += fmt::format("{}\\f{}{}\\fR", names.empty() ? "" : ", ",
                           option.positional ? 'I' : 'B', roff(name));
    if (!option.positional && !option.value.empty())
      names += fmt::format(" \\fI{}\\fR", roff(option.value));
    out += fmt::format(".TP\n{}\n{}", names, roff(option.description));
    if (!option.choices.empty()) {
      std::string list;
      for (const std::string &choice : option.choices) list += (list.empty() ? "" : ", ") + choice;
      out += fmt::format(": {}", roff(list));
    }
    out += '\n';
  }
  return out + exitStatus + ".SH SEE ALSO\n.BR graphc (1)\n";
}

// ---- Completion ----

/// In single quotes of a shell.
std::string shellQuoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string joined(const std::vector<std::string> &words) {
  std::string out;
  for (const std::string &word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// What stands for `graphc checkpoint list` in shells that look at one word: its first one.
std::vector<const DescribedCommand *> topLevel(const std::vector<DescribedCommand> &commands) {
  std::vector<const DescribedCommand *> top;
  for (const DescribedCommand &command : commands)
    if (command.name.find(' ') == std::string::npos) top.push_back(&command);
  return top;
}

std::vector<std::string> within(const std::vector<DescribedCommand> &commands,
                                const std::string &name) {
  std::vector<std::string> words;
  for (const DescribedCommand &command : commands)
    if (command.name.starts_with(name + " ")) words.push_back(command.name.substr(name.size() + 1));
  return words;
}

/// Options of a command and of those within it, each once.
std::vector<const DescribedOption *> optionsOf(const std::vector<DescribedCommand> &commands,
                                               const std::string &name) {
  std::vector<const DescribedOption *> options;
  for (const DescribedCommand &command : commands)
    if (command.name == name || command.name.starts_with(name + " "))
      for (const DescribedOption &option : command.options)
        if (!option.positional &&
            std::none_of(options.begin(), options.end(),
                         [&](const auto *other) { return other->names == option.names; }))
          options.push_back(&option);
  return options;
}

std::string bashCompletion(const std::vector<DescribedCommand> &commands) {
  std::string names, cases;
  for (const DescribedCommand *command : topLevel(commands)) {
    names += (names.empty() ? "" : " ") + command->name;
    std::string words = joined(within(commands, command->name)), values;
    for (const DescribedOption *option : optionsOf(commands, command->name)) {
      words += (words.empty() ? "" : " ") + joined(option->names);
      if (!option->choices.empty())
        for (const std::string &name : option->names)
          values += fmt::format("        {}) choices={} ;;\n", name,
                                shellQuoted(joined(option->choices)));
    }
    cases += fmt::format("    {})\n      words={}\n", command->name, shellQuoted(words));
    if (!values.empty()) cases += "      case $before in\n" + values + "      esac\n";
    cases += "      ;;\n";
  }
  return fmt::format(R"(# Completion of graphc for bash. Made from the definitions of its commands.
_graphc() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words='' choices=''
  # --option=value comes as three words.
  [[ $word == = ]] && word=''
  [[ $before == = ]] && before=${{COMP_WORDS[COMP_CWORD-2]}}
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ -n $choices ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _graphc graphc
)",
                     names, cases);
}

/// A description within brackets of zsh's _arguments.
std::string zshText(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zshCompletion(const std::vector<DescribedCommand> &commands) {
  std::string list, cases;
  for (const DescribedCommand *command : topLevel(commands)) {
    list +=
        fmt::format("    {}\n", shellQuoted(fmt::format("{}:{}", command->name, command->summary)));
    cases += fmt::format("    {})\n      _arguments \\\n", command->name);
    for (const DescribedOption *option : optionsOf(commands, command->name))
      for (const std::string &name : option->names) {
        std::string value =
            option->value.empty() ? ""
            : option->choices.empty()
                ? fmt::format(":{}:_files", zshText(option->value))
                : fmt::format(":{}:({})", zshText(option->value), joined(option->choices));
        std::string how = option->value.empty() ? "" : name.starts_with("--") ? "=" : "+";
        cases += fmt::format("        {} \\\n",
                             shellQuoted(fmt::format("*{}{}[{}]{}", name, how,
                                                     zshText(option->description), value)));
      }
    auto inner = within(commands, command->name);
    if (!inner.empty()) cases += fmt::format("        '1:command:({})' \\\n", joined(inner));
    cases += "        '*:file:_files'\n      ;;\n";
  }
  return fmt::format(R"(#compdef graphc
# Completion of graphc for zsh. Made from the definitions of its commands.
local -a commands
commands=(
{})
if ((CURRENT == 2)); then
  _describe command commands
  return
fi
shift words
((CURRENT--))
case $words[1] in
{}esac
)",
                     list, cases);
}

std::string fishCompletion(const std::vector<DescribedCommand> &commands) {
  std::string out = "# Completion of graphc for fish. Made from the definitions of its commands.\n";
  for (const DescribedCommand *command : topLevel(commands)) {
    out += fmt::format("complete -c graphc -n __fish_use_subcommand -f -a {} -d {}\n",
                       command->name, shellQuoted(command->summary));
    std::string when =
        fmt::format("complete -c graphc -n '__fish_seen_subcommand_from {}'", command->name);
    for (const std::string &inner : within(commands, command->name))
      out += fmt::format("{} -a {}\n", when, inner);
    for (const DescribedOption *option : optionsOf(commands, command->name)) {
      out += when;
      for (const std::string &name : option->names)
        out += name.starts_with("--")
                   ? fmt::format(" -l {}", name.substr(2))
                   : fmt::format(" -{} {}", name.size() == 2 ? "s" : "o", name.substr(1));
      if (!option->choices.empty())
        out += fmt::format(" -x -a {}", shellQuoted(joined(option->choices)));
      else if (!option->value.empty())
        out += " -r";
      out += fmt::format(" -d {}\n", shellQuoted(option->description));
    }
  }
  return out;
}

} // namespace

// NOLINTNEXTLINE(misc-no-recursion): as deep as commands lie within each other
void describeCommand(const CLI::App &app, const std::string &name, const std::string &summary,
                     std::vector<DescribedCommand> &commands) {
  DescribedCommand made{name, summary, app.get_description(), {}};
  for (const CLI::Option *option : app.get_options()) made.options.push_back(describe(*option));
  // Those without a place of their own in the help come last there, too.
  std::stable_partition(made.options.begin(), made.options.end(),
                        [](const DescribedOption &o) { return o.positional; });
  std::stable_partition(made.options.begin(), made.options.end(), [](const DescribedOption &o) {
    return o.positional || o.group == "Options";
  });
  commands.push_back(std::move(made));
  for (const CLI::App *inner : app.get_subcommands([](const CLI::App *) { return true; }))
    describeCommand(*inner, name + " " + inner->get_name(), inner->get_description(), commands);
}

std::vector<Page> manualPages(const std::vector<DescribedCommand> &commands,
                              const std::string &version) {
  std::string general = header("", version, "compiles graph definitions to native code");
  general +=
      ".SH SYNOPSIS\n.B graphc\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] \\fIFILE\\fR\n.SH COMMANDS\n";
  std::vector<Page> pages(1);
  for (const DescribedCommand &command : commands) {
    std::string name = pageName(command.name);
    general += fmt::format(".TP\n.BR {} (1)\n{}\n", roff(name), roff(command.summary));
    pages.push_back({fmt::format("man/man1/{}.1", name), manualPage(command, version)});
  }
  pages[0] = {"man/man1/graphc.1", general + exitStatus};
  return pages;
}

std::vector<Page> completions(const std::vector<DescribedCommand> &commands) {
  return {{"bash-completion/completions/graphc", bashCompletion(commands)},
          {"zsh/vendor-completions/_graphc", zshCompletion(commands)},
          {"fish/vendor_completions.d/graphc.fish", fishCompletion(commands)}};
}

} // namespace graphc
