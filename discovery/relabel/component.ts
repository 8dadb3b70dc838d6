// discovery.relabel: rewrites the labels of targets and drops some of them.
import type { Component, ComponentDefinition, Host, SettingsOf } from '#component'
import { attr, Capsule, defineSettings, list, Target, target } from '#component'
import { RelabelRules, relabelRuleBlocks, relabelTarget } from '#component/relabel'

const settings = defineSettings({
  targets: attr(list(target), 'Targets to relabel.', { required: true }),
  rule: relabelRuleBlocks('Relabelling rules, applied to every target in the order written.'),
})
type DiscoveryRelabelSettings = SettingsOf<typeof settings>

export const discoveryRelabel: ComponentDefinition<DiscoveryRelabelSettings> = {
  name: 'discovery.relabel',
  stability: 'generally-available',
  doc: 'Rewrites the label sets of discovered targets.',
  exports: {
    output: { type: 'list(target)', doc: 'The targets that no rule dropped, with their new labels.' },
    rules: { type: 'RelabelRules', doc: 'The rules, for other components to use.' },
  },
  settings,
  create: (host, given) => new DiscoveryRelabel(host, given),
}

class DiscoveryRelabel implements Component<DiscoveryRelabelSettings> {
  readonly #host: Host
  #rules: RelabelRules | undefined
  #targetsIn: number
  #targetsOut: number

  constructor(host: Host, given: DiscoveryRelabelSettings) {
    this.#host = host
    this.#rules = undefined
    this.#targetsIn = 0
    this.#targetsOut = 0
    this.update(given)
  }

  update(given: DiscoveryRelabelSettings): void {
    const rules = new RelabelRules(given.rule).unlessEqual(this.#rules)
    const output: Target[] = []
    for (const before of given.targets) {
      const labels = relabelTarget(before.labels, rules.rules)
      if (labels !== null) output.push(labels === before.labels ? before : new Target(labels))
    }
    this.#rules = rules
    this.#targetsIn = given.targets.length
    this.#targetsOut = output.length
    this.#host.setExports({ output, rules: new Capsule('RelabelRules', rules) })
  }

  stop(): void {}

  debug(): unknown {
    return { targets: this.#targetsIn, dropped: this.#targetsIn - this.#targetsOut }
  }
}
