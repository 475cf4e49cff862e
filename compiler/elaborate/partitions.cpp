// Partitioned variables: NAME/part_0, NAME/part_1, …, which read as one.
#include "elaborate/scope_rules.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

Value ScopeRules::getPartitioned(VariableRequest &request) {
  // Rule: an unpartitioned variable of that name excludes a partitioned one.
  if (auto single = store_.find(request.name); single != store_.end()) {
    auto &error =
        host_.error(Code::PartitionedOtherwise, request.span,
                    fmt::format("a partitioner was given, but an unpartitioned variable {} exists",
                                request.name));
    error.notes.insert(error.notes.begin(),
                       {"originally defined here", single->second->variable->span});
    return Value::poison();
  }

  std::optional<AskedShape> shape;
  if (!request.shape.isNone()) {
    shape = host_.toShape(request.shape, request.span);
    if (!shape) return poisoned(request);
  }
  // A tensor brings a shape of its own, which a given one must agree with; a literal only fits one.
  Tensor *initial = nullptr;
  if (initializerIsValue(request.initializer) && !request.partitioner.isNone()) {
    DType own = dtypeOf(request.initializer);
    initial = host_.toTensor(request.initializer, own != DType::Invalid ? own : request.dtype,
                             request.span);
    if (!initial) return poisoned(request);
    AskedShape whole;
    for (Dim d : initial->shape)
      whole.push_back(d.isStatic() ? std::optional(d.value) : std::nullopt);
    bool fits = !shape || shape->size() == whole.size();
    for (size_t i = 0; fits && shape && i < whole.size(); ++i)
      fits = !(*shape)[i] || !whole[i] || *(*shape)[i] == *whole[i];
    if (!fits) {
      host_.error(
          Code::SharedShape, request.span,
          fmt::format("the initializer of {} has shape {}, which is not the shape asked for",
                      request.name, toString(initial->shape)));
      return poisoned(request);
    }
    if (own != DType::Invalid) shape = whole;
  }

  // Rule: the partitioner is asked first, so the shape is fully known, also under reuse.
  std::vector<int64_t> dims, slices;
  if (!request.partitioner.isNone()) {
    bool known =
        shape && std::all_of(shape->begin(), shape->end(), [](auto &d) { return d.has_value(); });
    if (!known) {
      host_.error(
          Code::ShapeNotKnown, request.span,
          fmt::format("the shape of the partitioned variable {} is not fully known", request.name));
      return poisoned(request);
    }
    for (const auto &d : *shape) dims.push_back(*d);
    std::vector<Dim> forShape(dims.begin(), dims.end());
    DType dtype = request.dtype == DType::Invalid ? DType::Float32 : request.dtype;
    Value answer = host_.call(
        request.partitioner, {},
        {{"shape", heap_.shape(graph_.makeShape(forShape))}, {"dtype", Value::dtype(dtype)}},
        request.span);
    if (answer.isPoison()) return poisoned(request);
    const auto *items = itemsOf(answer);
    bool valid = items && items->size() == dims.size();
    int cut = 0;
    for (size_t i = 0; valid && i < items->size(); ++i) {
      valid = (*items)[i].isInt() && (*items)[i].asInt() >= 1;
      if (!valid) break;
      slices.push_back((*items)[i].asInt());
      cut += slices.back() > 1;
    }
    if (!valid || cut > 1) {
      host_.error(cut > 1 ? Code::AttributeRange
                  : items ? Code::AttributeRange
                          : Code::WrongType,
                  request.span,
                  fmt::format("a partitioner gives a list of the number of slices of each of the "
                              "{} axes, at most one of "
                              "them above 1; this one gave {}",
                              dims.size(), repr(answer)));
      return poisoned(request);
    }
  }

  if (auto known = partitioned_.find(request.name); known != partitioned_.end()) {
    auto *whole = known->second->whole;
    auto complain = [&](Code code, std::string message) {
      auto &error = host_.error(code, request.span, std::move(message));
      if (!whole->parts.empty())
        error.notes.insert(error.notes.begin(), {"originally defined here", whole->parts[0]->span});
      return Value::poison();
    };
    // Rule: the same as of one variable; and it must be cut in the same way.
    if (isFalse(request.reuse)) {
      existsError(request, whole->parts.empty() ? nullptr : whole->parts[0]);
      return Value::poison();
    }
    if (shape) {
      bool fits = shape->size() == size_t(whole->shape.rank());
      for (size_t i = 0; fits && i < shape->size(); ++i)
        fits = !(*shape)[i] || whole->shape[i].is(*(*shape)[i]);
      if (!fits)
        return complain(Code::SharedShape,
                        fmt::format("Trying to share partitioned variable {}, whose shape is {}",
                                    request.name, toString(whole->shape)));
    }
    if (request.dtype != DType::Invalid && request.dtype != whole->dtype)
      return complain(
          Code::SharedDType,
          fmt::format(
              "Trying to share partitioned variable {}, but specified dtype {} and found dtype {}",
              request.name, dtypeName(request.dtype), dtypeName(whole->dtype)));
    if (!slices.empty() && !std::equal(slices.begin(), slices.end(), whole->partitions.begin(),
                                       whole->partitions.end()))
      return complain(Code::PartitionedOtherwise,
                      fmt::format("Trying to share partitioned variable {}, but specified "
                                  "partitions [{}] and found [{}]",
                                  request.name, fmt::join(slices, ", "),
                                  fmt::join(whole->partitions, ", ")));
    for (auto *part : whole->parts) part->sharedAt.push_back(host_.place(request.span));
    if (auto *first = known->second->parts[0].as<VariableObject>(); trace_ && first)
      traceShared(*first, request);
    return Value::object(known->second);
  }
  if (isTrue(request.reuse)) {
    missingError(request);
    return Value::poison();
  }

  // Rule: the parts are variables of their own, NAME/part_0, …; what does not divide evenly goes
  // to the first ones.
  int axis = 0;
  for (size_t i = 0; i < slices.size(); ++i)
    if (slices[i] > 1) axis = int(i);
  int64_t count = slices.empty() ? 1 : slices[axis];
  if (!dims.empty() && count > std::max<int64_t>(dims[axis], 1)) {
    host_.error(Code::AttributeRange, request.span,
                fmt::format("the {} elements of axis {} can't be cut into {} parts", dims[axis],
                            axis, count));
    return poisoned(request);
  }
  if (store_.contains(fmt::format("{}/part_0", request.name)) &&
      (!store_.contains(fmt::format("{}/part_{}", request.name, count - 1)) ||
       store_.contains(fmt::format("{}/part_{}", request.name, count)))) {
    host_.error(
        Code::PartitionedOtherwise, request.span,
        fmt::format("{} was cut into another number of parts than {}", request.name, count));
    return Value::poison();
  }
  auto *object = heap_.make<PartitionedObject>();
  std::vector<Variable *> parts;
  std::vector<int64_t> offset(dims.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    auto partDims = dims;
    partDims[axis] = dims[axis] / count + (i < dims[axis] % count ? 1 : 0);
    VariableRequest part = request;
    part.name = heap_.copy(fmt::format("{}/part_{}", request.name, i));
    part.partitioner = Value::none();
    part.fullShape = &dims;
    part.offset = &offset;
    if (initial) {
      NameScopeSwitch within(*this,
                             heap_.copy(fmt::format("{}/PartitionedInitializer", part.name)));
      part.initializer = heap_.tensor(host_.slice(initial, offset, partDims, request.span));
      part.shape = Value::none();
      part.dtype = initial->dtype;
      part.explicitDType = false;
    } else {
      std::vector<Value> items;
      for (int64_t d : partDims) items.push_back(Value::integer(d));
      part.shape = heap_.list(items);
    }
    Value made = getSingle(part);
    auto *variable = made.as<VariableObject>();
    if (!variable) return poisoned(request);
    parts.push_back(variable->variable);
    object->parts.push_back(made);
    offset[axis] += partDims[axis];
  }
  auto *whole = graph_.arena.make<PartitionedVariable>();
  whole->name = heap_.copy(request.name);
  std::vector<Dim> wholeDims(dims.begin(), dims.end());
  whole->shape = graph_.makeShape(wholeDims);
  whole->dtype = parts[0]->dtype;
  whole->partitions = graph_.arena.copy(slices);
  whole->parts = graph_.arena.copy(parts);
  whole->axis = axis;
  int64_t begin = 0;
  for (auto *part : parts) {
    part->whole = whole;
    part->offset = begin;
    begin += part->shape[axis].value;
  }
  graph_.partitioned.push_back(whole);
  object->whole = whole;
  partitioned_.emplace(whole->name, object);
  return Value::object(object);
}

} // namespace graphc
