package text

// chinesePlain are the texts for screen readers, and those of sorting, filters
// and undo.
var chinesePlain = map[string]string{
	"plain.tab": "certquay，第 %d 页，共 %d 页：%s", "plain.keys": "按键：%s", "plain.filter": "筛选：%s",
	"plain.row": "第 %d 行，共 %d 行：%s", "plain.line": "第 %d 行，共 %d 行：%s", "plain.pane": "第 %d 个窗格，共 %d 个：%s",
	"plain.product": "第 %d 个云产品，共 %d 个：%s", "plain.status": "%s，状态：%s", "plain.week": "%s 起的一周：%d", "plain.none": "无",
	"plain.order.false": "%s，升序", "plain.order.true": "%s，降序",
	"plain.on": "开", "plain.off": "关", "plain.chosen": "已选", "plain.other": "未选", "plain.selected": "当前", "plain.marked": "已选中",
	"plain.same": "与应部署一致", "plain.differs": "与应部署不一致", "plain.sideways": "左右", "plain.to": "至",
	"plain.under": "%[2]s下的%[1]s", "plain.useless": "%s，与应部署一致，但已过期",
	"plain.in.days": "%d 天后", "plain.in.days.one": "1 天后", "plain.in.hours": "%d 小时后", "plain.in.hours.one": "1 小时后",
	"plain.ago.days": "%d 天前", "plain.ago.days.one": "1 天前", "plain.ago.hours": "%d 小时前", "plain.ago.hours.one": "1 小时前",
	"plain.step": "第 %d 步，共 %d 步：%s", "plain.error": "错误：%s", "plain.warning": "警告：%s", "plain.hint": "提示：%s",
	"plain.choice": "%s，第 %s 项，共 %s 项", "plain.empty": "空；%s", "plain.inuse": "正在填写：",
	"keytable.id": "配置中的名称", "done.reason": "• %d 个（%s）：%s", "done.reason.one": "• %s：%s", "done.reason.first": "• %d 个（%s），第一个：%s",
	"panel.within": "到期", "panel.anytime": "不限", "panel.days": "%s 天内", "panel.brand": "品牌", "panel.product": "部署于",
	"act.sort": "按下一列排序", "act.sort.reverse": "反向排序", "act.sort.place": "按云产品和地域排序",
	"undo.label": "撤销：%s", "undo.filter": "恢复筛选", "undo.marks": "恢复 %d 个选中", "undo.auto.off": "关闭 %s 的自动部署", "undo.auto.on": "开启 %s 的自动部署",
	"undo.host": "停止托管 %s；费用不退还",
}
