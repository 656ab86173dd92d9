/** One thing in an image's root file system. `path` is absolute and normalised; owner is always root. */
export type LayerEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly source: string }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
