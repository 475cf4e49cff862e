// Which variables are shared, and by which calls.
#pragma once

#include "graph/graph.h"
#include "source/source.h"

#include <string>
#include <vector>

namespace graphc {

class JsonWriter;

/// A place where variables are made or asked for again; the same one several times over in a loop.
struct SharingUse {
  std::vector<Span> at; // of each variable of the group
  const CallSite *caller = nullptr;
  size_t times = 1;
};

/// Variables that the same calls make and share.
struct SharingGroup {
  std::vector<const Variable *> variables; // in order of creation
  SharingUse made;
  std::vector<SharingUse> shared;
};

/// The groups of variables that are shared at all, in order of creation.
std::vector<SharingGroup> sharingGroups(const Graph &graph);

/// As trees, for people.
void writeSharing(const Graph &graph, const SourceManager &sources, std::string &out);
/// As the key "sharing" of an object.
void writeSharingJson(const Graph &graph, const SourceManager &sources, JsonWriter &to);

} // namespace graphc
