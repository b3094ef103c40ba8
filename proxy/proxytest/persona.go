package proxytest

import "strings"

// Persona writes an answer to the last thing that was asked.
type Persona func(prompt string) string

// Plain always answers the same sentence.
func Plain(string) string { return "The quick brown fox jumps over the lazy dog." }

// BicycleShop is the support chatbot of a shop that does not exist.
func BicycleShop(prompt string) string {
	prompt = strings.ToLower(prompt)
	for _, topic := range bicycleTopics {
		for _, word := range topic.words {
			if strings.Contains(prompt, word) {
				return topic.answer
			}
		}
	}
	return "Welcome to Spoke & Chain! I can help you with bikes, repairs, orders and returns. What are you riding, and what would you like to know?"
}

// bicycleTopics are tried in order.
var bicycleTopics = []struct {
	words  []string
	answer string
}{
	{[]string{"return", "refund", "money back"},
		"You can return any bike within 30 days, even after a test ride in the rain. Bring the receipt or tell us the order number, and the money is back on your card within three working days."},
	{[]string{"order", "deliver", "ship", "parcel"},
		"Your order left our workshop this morning. It should be with you in two days, and you get a message with a two-hour window on the day itself."},
	{[]string{"puncture", "flat", "tube", "tyre", "tire"},
		"A flat costs 15 minutes here and 12 euros with a new tube. If you ride over glass every day, tyres with a puncture belt cost a little more and save you most of these visits."},
	{[]string{"chain", "gear", "shift", "derailleur"},
		"That sounds like a stretched chain. We measure it for free while you wait; a new chain is 25 euros, and changing it in time saves you a cassette later."},
	{[]string{"brake"},
		"Please don't ride it like that. Bring it in today and we look at the brakes first, before anything else in the queue; new pads are fitted in half an hour."},
	{[]string{"e-bike", "ebike", "electric", "battery", "range"},
		"The Meridian goes about 90 kilometres on one charge in tour mode. The battery comes out with a key, charges in four hours and has a warranty of two years."},
	{[]string{"size", "tall", "frame", "height"},
		"At 1.75 m most people are happy on a 54 cm frame. Come by for ten minutes and we set saddle and bars for you, so that the size on paper matters less."},
	{[]string{"open", "hours", "saturday", "sunday", "when"},
		"We are open Monday to Friday from 9 to 18 and on Saturday from 10 to 16. On Sundays we ride ourselves."},
	{[]string{"price", "cost", "much", "euro", "cheap"},
		"City bikes start at 480 euros and touring bikes at 890. Every new bike comes with a free first service after 300 kilometres."},
	{[]string{"thank", "bye"},
		"You are welcome. Ride safely, and see you at the free check in spring!"},
}
