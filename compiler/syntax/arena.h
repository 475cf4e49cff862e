// The arena of syntax trees.
#pragma once

#include "source/arena.h"
