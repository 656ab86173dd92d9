import { inCache, root } from '../setup/places.mjs'
import { findProgram } from '../setup/search-path.mjs'

/**
 * Has what CMake builds from here on looked up in a cache that outlives checkouts, where ccache is there: one run compiles
 * the native code three times, each time otherwise, and none of them otherwise than the run before.
 */
export function useCompilerCache() {
  const ccache = findProgram('ccache')
  if (ccache === undefined) return
  Object.assign(process.env, {
    CMAKE_C_COMPILER_LAUNCHER: ccache,
    CMAKE_CXX_COMPILER_LAUNCHER: ccache,
    CCACHE_DIR: inCache('compiler'),
    CCACHE_MAXSIZE: '500M',
    // Another checkout is the same source, but for paths in debug information.
    CCACHE_BASEDIR: root,
    CCACHE_NOHASHDIR: '1',
  })
}

/** The same for node-gyp, whose makefiles know no launcher; CMake would take it for a second one. */
export function cachedCompilers() {
  const ccache = process.env.CMAKE_CXX_COMPILER_LAUNCHER
  return ccache === undefined ? process.env : { ...process.env, CC: `${ccache} gcc`, CXX: `${ccache} g++` }
}
