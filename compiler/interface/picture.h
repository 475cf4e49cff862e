// A graph as a picture: name scopes as nested boxes, operations and variables in them. Written as
// DOT; what lays it out (Graphviz) is not part of this room.
#pragma once

#include "graph/graph.h"
#include "source/source.h"

#include <string>
#include <utility>
#include <vector>

namespace graphc {

struct PictureNode {
  enum Kind : uint8_t { Operation, Placeholder, Variable, Scope, Export } kind = Operation;
  std::string name;                                       // full, unique among its kind
  std::string label;                                      // lines are separated by '\n'
  std::vector<std::pair<std::string, std::string>> facts; // "shape": "(2, 3)", for who looks closer
  int parent = -1;                                        // the box that it lies in; -1: none
  bool shared = false; // a variable, or a box of some, that several calls use
};

struct PictureBox {
  std::string name; // the scope's, full
  int parent = -1;
};

struct PictureEdge {
  enum Kind : uint8_t { Data, Update, Order } kind = Data;
  int from = 0, to = 0; // nodes
  std::string label;    // the shape of what flows; empty where several flow
  size_t count = 1;
  bool operator==(const PictureEdge &) const = default;
};

struct Picture {
  std::vector<PictureBox> boxes; // each behind that which it lies in
  std::vector<PictureNode> nodes;
  std::vector<PictureEdge> edges;
  int depth = 0;   // scopes within so many others are drawn as one node
  int deepest = 0; // the depth that shows everything
};

struct PictureOptions {
  /// Scopes within so many others are one node each; negative: as deep as leaves at most `most`
  /// nodes (but one level at least).
  int depth = -1;
  size_t most = 150;
  std::string only; // an export: nothing but what it needs; empty: all, but not initial values
};

/// `options.only`, where it is not empty, is an export of the graph.
Picture drawn(const Graph &graph, const SourceManager &sources, const PictureOptions &options);

/// The picture in Graphviz's language. `title` is any text.
std::string pictureDot(const Picture &picture, std::string_view title);

/// A page that shows the SVG which Graphviz made of `pictureDot`, to move and look into; it needs
/// nothing from anywhere else.
std::string picturePage(const Picture &picture, std::string_view title, std::string_view svg);

} // namespace graphc
