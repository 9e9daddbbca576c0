#include "apps/program.h"

int main(int argc, char** argv) { return sumi::run_program(argc, argv); }
