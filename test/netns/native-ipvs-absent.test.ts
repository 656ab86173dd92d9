import { expect, it } from 'vitest'
import { GenericSocket } from '../../src/native/generic.ts'
import { IpvsSocket } from '../../src/native/ipvs.ts'
import { Netns } from '../support/netns.ts'

async function kernelHasIpvs(): Promise<boolean> {
  const socket = await GenericSocket.open()
  try {
    return await socket.resolve('IPVS').then(
      () => true,
      () => false,
    )
  } finally {
    await socket.close()
  }
}

it.skipIf(await kernelHasIpvs())('a kernel without IPVS is told with what to do about it', async () => {
  const netns = await Netns.create('noipvs')
  try {
    await expect(IpvsSocket.open({ netns: netns.path })).rejects.toMatchObject({
      code: 'ERR_IPVS_UNAVAILABLE',
      message: expect.stringMatching(/open a ipvs socket .*load the module ip_vs/),
    })
  } finally {
    await netns.dispose()
  }
})
