{
  # Sources, include folders, defines and flags are listed once, in native/build.json, for this file and for
  # native/CMakeLists.txt.
  'targets': [
    {
      'target_name': 'hawser',
      'sources': [
        "<!@(node -p \"const b = require('./native/build.json'); [...b.core, ...b.binding].map((path) => 'native/' + path).join(' ')\")",
      ],
      'include_dirs': [
        "<!@(node -p \"require('./native/build.json').includes.map((path) => require('path').join('native', path)).join(' ')\")",
        "<!(node -p \"require('node-addon-api').include_dir\")",
      ],
      'defines': ["<!@(node -p \"require('./native/build.json').defines.join(' ')\")"],
      # node's own common.gypi asks for another standard and for no exceptions.
      'cflags_cc!': ['-fno-exceptions', '-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ["<!@(node -p \"require('./native/build.json').flags.join(' ')\")"],
    },
  ],
}
