// Is every barrier needed, and would its loss be noticed? Deletes each barrier and wait of the kernels in turn and runs
// tests that met it, until one fails.
#pragma once

namespace simt::race {

/// Prints the sites whose deletion no test notices, and those of the source that no test meets; returns how many there
/// are.
int count_survivors();

}  // namespace simt::race
