/** The region pack and the region names as hooks over the live stores; the judgement itself is in region-words.ts. */
import { useQuery } from '@tanstack/react-query'
import type { BasemapPack } from '#contract/wire.ts'
import type { Language } from '../language/i18n.ts'
import { RefusedError, read } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { describeRegion, findCounty, nameRegion } from './region-words.ts'

/** The region pack of this city; null when the operator has none (404), undefined while it is being read. */
export function useBasemap(): BasemapPack | null | undefined {
  return useQuery({
    queryKey: ['basemap'],
    queryFn: async () => {
      try {
        return await read<BasemapPack>('/v1/basemap')
      } catch (thrown) {
        if (thrown instanceof RefusedError && thrown.http === 404) return null
        throw thrown
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
  }).data
}

/** Names regions in the language given, drawn again when regions are published. */
export function useRegionNames(language: Language): (code: string) => string {
  const regions = useWorld(world => world.regions)
  return code => nameRegion(regions, code, language)
}

/** Names the county a region is or lies in: what a row of a list has room for. */
export function useCountyNames(language: Language): (code: string) => string {
  const regions = useWorld(world => world.regions)
  return code => nameRegion(regions, findCounty(code, regions), language)
}

/** Names county and street together: what a single record has room for. */
export function usePlaceNames(language: Language): (code: string) => string {
  const regions = useWorld(world => world.regions)
  return code => describeRegion(regions, code, language)
}
